/**
 * What the contract names and this version does not do. It is recognised, so that the answer is a sentence with its
 * name, never "unknown value".
 */
const OPERATIONS: ReadonlySet<unknown> = new Set(["steer", "patch"]);
const CAPTURES: ReadonlySet<unknown> = new Set(["neurons", "residuals"]);

/** For a value of `op` that is no operation here. */
export function unavailableOperation(op: unknown): string | undefined {
  return OPERATIONS.has(op) ? `the operation "${op}" is not available in this version` : undefined;
}

/** For a value of `component` of `ablate`. */
export function unavailableComponent(component: unknown): string | undefined {
  return component === "neuron"
    ? 'ablate of component "neuron" is not available in this version; attn, mlp and head are'
    : undefined;
}

/** For a value of `with` of `ablate`. */
export function unavailableAblation(value: unknown): string | undefined {
  return isObject(value) && "mean" in value
    ? 'ablate with a mean is not available in this version; "zero" and { "scale": … } are'
    : undefined;
}

/** For an entry of `capture`. */
export function unavailableCapture(name: unknown): string | undefined {
  return CAPTURES.has(name)
    ? `the capture "${name}" is not available in this version; norms, patterns and attention_locality are`
    : undefined;
}

/** For a value of `sweep`. */
export function unavailableSweep(sweep: unknown): string | undefined {
  return isObject(sweep) && sweep.op === "patch"
    ? 'the sweep of "patch" is not available in this version; a list of "delete" and "swap" is'
    : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
