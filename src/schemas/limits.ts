/** The most that one request may ask for. Admission bounds the work; these bound what is parsed and held before it. */

/** Characters of a prompt: more than fill the longest context served (some 4 characters a token), and 1 MB at most in UTF-8. */
export const MAX_PROMPT_CHARS = 262_144;
/** Token ids of one request: scores are [T, T] a head, 4 GB at this length. The model's own context length bounds further. */
export const MAX_TOKENS = 32_768;
/** Messages of a chat, and parts of one of them. */
export const MAX_MESSAGES = 4_096;
export const MAX_MESSAGE_PARTS = 256;
/** Arguments of a chat template: published ones take fewer than ten. */
export const MAX_TEMPLATE_ARGUMENTS = 32;
/** Ids are 32-bit in the engine's buffers. */
export const MAX_TOKEN_ID = 2_147_483_647;
/** Deepest model whose layers can be named: open models stay below 130. Keeps lists of layers short. */
export const MAX_LAYERS = 1_024;
/** Heads of one operation: as many as a layer of the widest open models has, four times over. */
export const MAX_HEADS = 512;
/** Neurons of one operation or capture: as many as a layer of the widest open models has. */
export const MAX_NEURONS = 65_536;
/** Neurons of a layer that a capture lists at a position: each is two numbers of an event. */
export const MAX_TOP_NEURONS = 256;
/** Numbers of a steering vector: the widest open models have 16,384. */
export const MAX_WIDTH = 32_768;
/** Size of a steering vector's numbers and of its scale, either sign: far below where float32 ends, even multiplied. */
export const MAX_STEER = 1_000_000;
/** Texts that a mean is taken over, and their tokens in all: minutes of work on a small machine, done once. */
export const MAX_MEAN_TEXTS = 4_096;
export const MAX_MEAN_TOKENS = 524_288;
/** Places listed one by one; more is what "all" is for. */
export const MAX_POSITIONS = 4_096;
/** Entries of a top list: each is followed by its text, so an event of 100 stays near 5 kB a position. */
export const MAX_TOP_K = 100;
/** Tokens followed through the layers: one column of every read-out each. */
export const MAX_TARGETS = 32;
/** Characters of a target, which must be one token: the longest token of known vocabularies is 128 characters. */
export const MAX_TARGET_CHARS = 256;
/** Variants of a run: a patch sweep of 64 layers at 16 positions is 1,024, a delete-and-swap sweep of 128 layers 255. */
export const MAX_VARIANTS = 1_024;
/** Operations of one variant, which compose one after the other. */
export const MAX_OPERATIONS = 64;
/** Times that a block or group is repeated by one operation. */
export const MAX_TIMES = 64;
/** Steps of an explicit order, and of any schedule once compiled: 32 passes through 128 layers. */
export const MAX_STEPS = 4_096;
/** Size of a component's scale, either sign: beyond it float32 residual streams only overflow. */
export const MAX_SCALE = 1_000;
/** Seeds are exact integers of JSON. */
export const MAX_SEED = Number.MAX_SAFE_INTEGER;
/** Runs of one page of a list. */
export const MAX_PAGE = 200;
/** Texts of one experiment, and tokens of all of them: kept with it, 4 bytes each, so that any replica can compute any chunk. */
export const MAX_EXPERIMENT_TEXTS = 100_000;
export const MAX_EXPERIMENT_TOKENS = 67_108_864;
/** Characters of an Idempotency-Key. */
export const MAX_KEY_CHARS = 200;
