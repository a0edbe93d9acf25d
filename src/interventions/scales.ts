import type { Component, Edit, Site } from "../engine/schedule.ts";
import type { Stand } from "./state.ts";

/** The scales of one site of a block, composed. */
interface SiteScale {
  readonly site: Site;
  readonly head?: number;
  /** What every position is scaled with. */
  readonly everywhere: number;
  /** What single positions are scaled with besides. */
  readonly at: ReadonlyMap<number, number>;
}

/** Block → site (and head) → scale. */
export type Scales = ReadonlyMap<number, ReadonlyMap<string, SiteScale>>;

/** A scale to bind: everywhere, or at some positions. */
export interface NewScale {
  readonly site: Site;
  readonly heads: readonly (number | undefined)[];
  readonly scale: number;
  readonly positions?: readonly number[];
}

const SITES: readonly Site[] = ["z", "attn_out", "mlp_out"];

/** The half of a block that a site belongs to. */
export function componentOf(site: Site): Component {
  return site === "mlp_out" ? "mlp" : "attn";
}

/** Scales compose: one more multiplies those that are bound already. */
export function bindScale(scales: Scales, blocks: readonly number[], added: NewScale): Scales {
  const next = new Map(scales);
  for (const block of blocks) {
    const sites = new Map(next.get(block));
    for (const head of added.heads) {
      const key = `${added.site} ${head ?? ""}`;
      const { everywhere, at } = sites.get(key) ?? { everywhere: 1, at: new Map<number, number>() };
      const place = head === undefined ? { site: added.site } : { site: added.site, head };
      if (added.positions === undefined) {
        sites.set(key, { ...place, everywhere: everywhere * added.scale, at });
      } else {
        const both = new Map(at);
        for (const position of added.positions) both.set(position, (both.get(position) ?? 1) * added.scale);
        sites.set(key, { ...place, everywhere, at: both });
      }
    }
    next.set(block, sites);
  }
  return next;
}

/**
 * The edits of a block as it stands, in one canonical form: by site, head and first position; what is scaled by 1, or
 * belongs to a half that does not run, is none.
 */
export function editsOf(scales: Scales, stand: Stand, tokenCount: number): Edit[] {
  const sites = [...(scales.get(stand.block)?.values() ?? [])];
  return sites
    .filter(({ site }) => stand.component === undefined || stand.component === componentOf(site))
    .sort((a, b) => SITES.indexOf(a.site) - SITES.indexOf(b.site) || (a.head ?? -1) - (b.head ?? -1))
    .flatMap((scale) => siteEdits(scale, tokenCount));
}

function siteEdits({ site, head, everywhere, at }: SiteScale, tokenCount: number): Edit[] {
  const place = head === undefined ? { site } : { site, head };
  // Zero stays zero, and positions that are all named are scaled one by one.
  const single = everywhere === 0 ? new Map<number, number>() : at;
  const all = single.size === tokenCount;
  const groups = new Map<number, number[]>();
  for (const [position, scale] of [...single].sort(([a], [b]) => a - b)) {
    const value = positive(all ? everywhere * scale : scale);
    const group = groups.get(value);
    if (group) group.push(position);
    else groups.set(value, [position]);
  }
  if (all && groups.size === 1)
    return siteEdits({ ...place, everywhere: [...groups.keys()][0] as number, at: new Map() }, tokenCount);
  const edits: Edit[] = [];
  if (!all && everywhere !== 1) edits.push({ ...place, scale: positive(everywhere) });
  for (const [scale, positions] of groups) if (scale !== 1) edits.push({ ...place, scale, positions });
  return edits;
}

/** −0 is 0. */
function positive(scale: number): number {
  return scale === 0 ? 0 : scale;
}
