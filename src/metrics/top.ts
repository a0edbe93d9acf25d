/** Indices of the `count` largest values by magnitude, the largest first, the lowest index of a tie first. [n] → [min(count, n)] */
export function topByMagnitude(values: ArrayLike<number>, count: number): number[] {
  const top: number[] = [];
  const size = (index: number) => Math.abs(values[index] as number);
  for (let i = 0; i < values.length; i++) {
    if (top.length === count && !(size(i) > size(top[count - 1] as number))) continue;
    let at = top.length;
    while (at > 0 && size(i) > size(top[at - 1] as number)) at--;
    top.splice(at, 0, i);
    if (top.length > count) top.pop();
  }
  return top;
}
