/** Parts of a result's summary, which is a record of anything: what is not there, or of another kind, is null. */

export type Fields = Readonly<Record<string, unknown>>;

export function fieldsIn(of: Fields | null, name: string): Fields | null {
  const value = of?.[name];
  return isFields(value) ? value : null;
}

export function numberIn(of: Fields | null, name: string): number | null {
  const value = of?.[name];
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

export function textIn(of: Fields | null, name: string): string | null {
  const value = of?.[name];
  return typeof value === "string" ? value : null;
}

export function flagIn(of: Fields | null, name: string): boolean | null {
  const value = of?.[name];
  return typeof value === "boolean" ? value : null;
}

export function listIn(of: Fields | null, name: string): readonly Fields[] {
  const value = of?.[name];
  return Array.isArray(value) ? value.filter(isFields) : [];
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
