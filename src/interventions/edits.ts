/** The affine maps that operations bind to blocks, and the engine's edits that they come to. */
import type { Component, Edit, Site } from "../engine/schedule.ts";
import { type Affine, affineKey, compose, IDENTITY, isIdentity } from "./affine.ts";
import type { Stand } from "./state.ts";

/** The maps of one site of a block; of one head or neuron there. */
interface Cell {
  readonly site: Site;
  /** The head at site `z`, the neuron at `mlp_act`. */
  readonly part?: number;
  /** At every position that is not in `at`. */
  readonly everywhere: Affine;
  readonly at: ReadonlyMap<number, Affine>;
}

/** Block → site (and head or neuron) → maps. */
export type Edits = ReadonlyMap<number, ReadonlyMap<string, Cell>>;

/** Where maps are bound. */
export interface Binding {
  readonly site: Site;
  /** Heads or neurons; `undefined`: the site as a whole. */
  readonly parts: readonly (number | undefined)[];
  /** Ascending; absent: everywhere. */
  readonly positions?: readonly number[] | undefined;
}

const SITES: readonly Site[] = ["resid_pre", "z", "attn_out", "mlp_act", "mlp_out", "resid_post"];
const HALVES: Readonly<Record<Site, Component | null>> = {
  resid_pre: null,
  z: "attn",
  attn_out: "attn",
  mlp_act: "mlp",
  mlp_out: "mlp",
  resid_post: null,
};

/** The half of a block that a site belongs to; null: whatever runs of the block has it. */
export function componentOf(site: Site): Component | null {
  return HALVES[site];
}

/** Binds one more map per block, which acts after those that are bound already. */
export function bindEdits(
  edits: Edits,
  blocks: readonly number[],
  { site, parts, positions }: Binding,
  mapOf: (block: number) => Affine,
): Edits {
  const next = new Map(edits);
  for (const block of blocks) {
    const map = mapOf(block);
    // Cells and positions share their maps: each is composed once.
    const composed = new Map<Affine, Affine>();
    const after = (known: Affine): Affine => {
      const made = composed.get(known) ?? compose(known, map);
      composed.set(known, made);
      return made;
    };
    const cells = new Map(next.get(block));
    for (const part of parts) {
      const key = `${site} ${part ?? ""}`;
      const cell = cells.get(key) ?? { site, ...(part === undefined ? {} : { part }), everywhere: IDENTITY, at: new Map() };
      if (positions === undefined) {
        const at = new Map([...cell.at].map(([position, known]) => [position, after(known)]));
        cells.set(key, { ...cell, everywhere: after(cell.everywhere), at });
      } else {
        const at = new Map(cell.at);
        for (const position of positions) at.set(position, after(at.get(position) ?? cell.everywhere));
        cells.set(key, { ...cell, at });
      }
    }
    next.set(block, cells);
  }
  return next;
}

/** What the canonical form depends on beside the maps. */
export interface Extent {
  readonly tokenCount: number;
  readonly dMlp: number;
}

/**
 * The edits of a block as it stands, in one canonical form: by site, head or first neuron, and first position; no two
 * overlap. What changes nothing, or belongs to a half that does not run, is none.
 */
export function editsOf(edits: Edits, stand: Stand, extent: Extent): Edit[] {
  const cells = [...(edits.get(stand.block)?.values() ?? [])]
    .filter(({ site }) => stand.component === undefined || (componentOf(site) ?? stand.component) === stand.component)
    .sort((a, b) => SITES.indexOf(a.site) - SITES.indexOf(b.site) || (a.part ?? -1) - (b.part ?? -1))
    .map((cell) => reduced(cell, extent.tokenCount));
  return grouped(cells, extent.tokenCount).flatMap(({ site, parts, pieces }) =>
    pieces.map(({ map, positions }) => ({
      site,
      ...partsOf(site, parts, extent.dMlp),
      scale: map.scale,
      ...(map.add.length === 0 ? {} : { add: map.add.map(({ key: _, ...addend }) => addend) }),
      ...(positions === null ? {} : { positions }),
    })),
  );
}

interface Group {
  readonly site: Site;
  readonly parts: number[];
  readonly pieces: readonly Piece[];
}

/** Neurons with equal maps are one group; all other cells stand alone. */
function grouped(cells: readonly Cell[], tokenCount: number): Group[] {
  const bySignature = new Map<string, Group>();
  const byPieces = new Map<string, Group>();
  for (const cell of cells) {
    const parts = cell.part === undefined ? [] : [cell.part];
    const alone = cell.site === "mlp_act" ? "" : ` ${cell.part ?? ""}`;
    const key = signature(cell) + alone;
    let group = bySignature.get(key);
    if (!group) {
      // Written differently, they may still come to the same.
      const made = { site: cell.site, parts: [], pieces: piecesOf(cell, tokenCount) };
      const spelled = `${cell.site}${alone} ${JSON.stringify(made.pieces)}`;
      group = byPieces.get(spelled) ?? made;
      byPieces.set(spelled, group);
      bySignature.set(key, group);
    }
    group.parts.push(...parts);
  }
  return [...byPieces.values()];
}

function partsOf(site: Site, parts: readonly number[], dMlp: number): Pick<Edit, "head" | "neurons"> {
  if (site === "z") return { head: parts[0] as number };
  return site === "mlp_act" && parts.length < dMlp ? { neurons: parts } : {};
}

/** Only what differs: positions as all others are left out, and what acts nowhere is no map. */
function reduced(cell: Cell, tokenCount: number): Cell {
  const everywhere = cell.at.size === tokenCount ? (cell.at.get(0) as Affine) : cell.everywhere;
  const key = affineKey(everywhere);
  const at = new Map([...cell.at].filter(([, map]) => map !== everywhere && affineKey(map) !== key));
  return { ...cell, everywhere, at };
}

function signature({ site, everywhere, at }: Cell): string {
  const single = [...at].sort(([a], [b]) => a - b).map(([position, map]) => `${position}:${affineKey(map)}`);
  return [site, affineKey(everywhere), ...single].join(" ");
}

interface Piece {
  readonly map: Affine;
  /** null: all of them. */
  readonly positions: number[] | null;
}

/** Positions by the map that acts there, those of the identity left out. */
function piecesOf({ everywhere, at }: Cell, tokenCount: number): Piece[] {
  if (at.size === 0) return isIdentity(everywhere) ? [] : [{ map: everywhere, positions: null }];
  const groups = new Map<string, { map: Affine; positions: number[] }>();
  for (let position = 0; position < tokenCount; position++) {
    const map = at.get(position) ?? everywhere;
    if (isIdentity(map)) continue;
    const key = affineKey(map);
    const known = groups.get(key);
    if (known) known.positions.push(position);
    else groups.set(key, { map, positions: [position] });
  }
  return [...groups.values()];
}
