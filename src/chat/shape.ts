/** What is known of a template before it is rendered: which of its nodes are printed, gone through, or begin a loop's turn. */
import { boundNames, childrenOf, isNode, isStatement, listOf, type Node } from "./nodes.ts";

export interface TemplateShape {
  /** Expressions that stand for themselves: `{{ … }}`, and text. */
  readonly printed: ReadonlySet<Node>;
  /** Expressions that a loop goes through, or that become arguments one by one. */
  readonly walked: ReadonlySet<Node>;
  /** The first statement of every loop's body, and the names that the loop binds. */
  readonly turns: ReadonlyMap<Node, ReadonlySet<string>>;
}

/** Looks at every node once. */
export function shapeOf(program: Node): TemplateShape {
  const printed = new Set<Node>();
  const walked = new Set<Node>();
  const turns = new Map<Node, ReadonlySet<string>>();
  const waiting = [program];
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    for (const list of [node.body, node.alternate, node.defaultBlock])
      for (const statement of listOf(list)) if (!isStatement(statement)) printed.add(statement);
    if (node.type === "SpreadExpression" && isNode(node.argument)) walked.add(node.argument);
    if (node.type === "For") {
      const { iterable } = node;
      const all = isNode(iterable) && iterable.type === "SelectExpression" ? iterable.lhs : iterable;
      if (isNode(all)) walked.add(all);
      const [first] = listOf(node.body);
      if (first) turns.set(first, new Set(boundNames(node.loopvar)));
    }
    waiting.push(...childrenOf(node));
  }
  return { printed, walked, turns };
}
