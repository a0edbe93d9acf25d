/** What an experiment costs, estimated from a model's sizes alone: the same on every machine. */

/** Of a model, as the service tells them. */
export interface ModelSizes {
  readonly nLayers: number;
  readonly dModel: number;
  readonly nHeads: number;
  readonly dMlp: number;
  readonly vocabSize: number;
}

/** What one token takes: blocks run, and read-outs into the vocabulary. */
export interface TokenWork {
  readonly blocks: number;
  readonly readouts: number;
}

/** Floating-point operations of a token: 2 for each weight that is multiplied; MLPs count as gated, heads as having keys of their own. */
export function tokenFlop({ dModel, dMlp, vocabSize }: ModelSizes, { blocks, readouts }: TokenWork): number {
  return 2 * (blocks * (4 * dModel ** 2 + 3 * dModel * dMlp) + readouts * dModel * vocabSize);
}

/** The untouched model, read out at the end. */
export function baselineWork({ nLayers }: ModelSizes): TokenWork {
  return { blocks: nLayers, readouts: 1 };
}

/** Every layer deleted, every pair of neighbours swapped: each from where it parts from the baseline. */
export function interventionWork({ nLayers: L }: ModelSizes): TokenWork {
  return { blocks: L + L ** 2 - 1, readouts: 2 * L };
}

/** Every layer deleted, read out after every layer of the baseline. */
export function signalWork({ nLayers: L }: ModelSizes): TokenWork {
  return { blocks: L + (L * (L - 1)) / 2, readouts: 2 * L };
}

/** Every layer run twice. */
export function repeatWork({ nLayers: L }: ModelSizes): TokenWork {
  return { blocks: L + (L * (L + 1)) / 2, readouts: L + 1 };
}

/** Every layer deleted, swapped and repeated, read out where an answer stands: hardly ever. */
export function benchmarkWork(sizes: ModelSizes): TokenWork {
  const { blocks } = interventionWork(sizes);
  return { blocks: blocks + repeatWork(sizes).blocks - sizes.nLayers, readouts: 1 };
}

/** For every start s the middle s + 1 … L − s − 1 in six ways, one of them three times over; what comes before is shared. */
export function scheduleWork({ nLayers: L }: ModelSizes): TokenWork {
  const starts = Math.max(0, Math.floor((L - 3) / 2) + 1);
  const blocks = Array.from({ length: starts }, (_, s) => {
    const middle = L - 2 * s - 1;
    return 7 * middle + 6 * s;
  });
  return { blocks: L + blocks.reduce((sum, each) => sum + each, 0), readouts: 6 * starts + 1 };
}

/** Every head by itself put out, from its layer on. */
export function headWork({ nLayers: L, nHeads }: ModelSizes): TokenWork {
  return { blocks: L + (nHeads * L * (L + 1)) / 2, readouts: nHeads * L + 1 };
}

/** The untouched model, read out after every layer. */
export function lensWork({ nLayers: L }: ModelSizes): TokenWork {
  return { blocks: L, readouts: L + 1 };
}
