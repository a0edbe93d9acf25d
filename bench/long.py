"""One pass of transformers over a prompt, in its own process: reads lengths from stdin, prints seconds."""
import os
import sys
import time

import torch
from transformers import AutoModelForCausalLM

torch.set_num_threads(os.cpu_count() or 1)
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32, attn_implementation="sdpa").eval()
print("ready", flush=True)
for line in sys.stdin:
    ids = torch.tensor([[(i * 7919 + 13) % model.config.vocab_size for i in range(int(line))]])
    start = time.perf_counter()
    with torch.no_grad():
        model(ids, use_cache=False, logits_to_keep=1)
    print(time.perf_counter() - start, flush=True)
