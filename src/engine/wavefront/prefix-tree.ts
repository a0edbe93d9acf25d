/** The schedules of a run as a tree: what they share from the start is one path, and is computed once. */
import { type Schedule, type Step, stepKey } from "../schedule.ts";

/** The state of a residual stream after some steps. */
export interface PrefixNode {
  /** null: the embedding, where nothing has run yet. */
  readonly step: Step | null;
  /** How many steps have run. */
  readonly depth: number;
  readonly children: readonly PrefixNode[];
  /** From the embedding to this node, both included. */
  readonly path: readonly PrefixNode[];
  /** Indices of the schedules that pass through here, and of those that end here. */
  readonly variants: readonly number[];
  readonly ends: readonly number[];
}

interface Growing extends PrefixNode {
  readonly children: Growing[];
  readonly path: Growing[];
  readonly variants: number[];
  readonly ends: number[];
  readonly byKey: Map<string, Growing>;
}

/** The root is the embedding; an empty schedule ends there. */
export function prefixTree(schedules: readonly Schedule[]): PrefixNode {
  const root = grow(null, null);
  for (const [index, { steps }] of schedules.entries()) {
    let node = root;
    node.variants.push(index);
    for (const step of steps) {
      const key = stepKey(step);
      let child = node.byKey.get(key);
      if (!child) {
        child = grow(step, node);
        node.byKey.set(key, child);
        node.children.push(child);
      }
      child.variants.push(index);
      node = child;
    }
    node.ends.push(index);
  }
  return root;
}

/** All nodes, parents before their children. */
export function allNodes(root: PrefixNode): PrefixNode[] {
  const nodes = [root];
  for (let at = 0; at < nodes.length; at++) nodes.push(...(nodes[at] as PrefixNode).children);
  return nodes;
}

function grow(step: Step | null, parent: Growing | null): Growing {
  const path: Growing[] = parent ? [...parent.path] : [];
  const node: Growing = { step, depth: path.length, children: [], path, variants: [], ends: [], byKey: new Map() };
  path.push(node);
  return node;
}
