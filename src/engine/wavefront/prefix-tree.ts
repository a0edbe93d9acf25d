/** The schedules of a run as a tree: what they share from the start is one path, and is computed once. */
import { type Schedule, type Step, stepKey } from "../schedule.ts";

/** The state of a residual stream after some steps. */
export interface PrefixNode {
  /** null: the embedding, where nothing has run yet. */
  readonly step: Step | null;
  /** How many steps have run. */
  readonly depth: number;
  readonly parent: PrefixNode | null;
  readonly children: readonly PrefixNode[];
  /** Indices of the schedules that pass through here, and of those that end here. */
  readonly variants: readonly number[];
  readonly ends: readonly number[];
}

interface Growing extends PrefixNode {
  readonly children: Growing[];
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

/** From the embedding to a node, both included. */
export function pathTo(node: PrefixNode): PrefixNode[] {
  const path: PrefixNode[] = [];
  for (let at: PrefixNode | null = node; at; at = at.parent) path.push(at);
  return path.reverse();
}

/** All nodes, parents before their children. */
export function allNodes(root: PrefixNode): PrefixNode[] {
  const nodes = [root];
  for (let at = 0; at < nodes.length; at++) nodes.push(...(nodes[at] as PrefixNode).children);
  return nodes;
}

function grow(step: Step | null, parent: Growing | null): Growing {
  return { step, depth: parent ? parent.depth + 1 : 0, parent, children: [], variants: [], ends: [], byKey: new Map() };
}

/** Whether every step so far is the model's own: whole blocks in their order, nothing edited. */
export function isUntouched(node: PrefixNode): boolean {
  for (let at: PrefixNode | null = node; at?.step; at = at.parent) {
    const [use] = at.step as Schedule["steps"][number];
    if (at.step.length !== 1 || use?.block !== at.depth - 1 || use.component || use.edits) return false;
  }
  return true;
}
