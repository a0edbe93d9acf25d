/** An event as it is logged and sent: its JSON text is made once, whatever the number of readers. */
export interface WireEvent {
  readonly seq: number;
  readonly type: EventType;
  readonly json: string;
}

export type EventType = "meta" | "layer" | "result" | "state" | "progress" | "done" | "error" | "download" | "model";

/** The event of a type and number; `fields` is the text of its other fields, without braces. */
export function wireEvent(type: EventType, seq: number, fields: string): WireEvent {
  return { type, seq, json: `{"type":"${type}","seq":${seq},${fields}}` };
}

const HEAD = /^\{"type":"([a-z]+)","seq":(\d+),/;

/** The event that a line of a log holds, or null: a line of another kind, or a torn one. */
export function parseWireEvent(line: string): WireEvent | null {
  const match = HEAD.exec(line);
  return match && line.endsWith("}") ? { type: match[1] as EventType, seq: Number(match[2]), json: line } : null;
}

/** The same event with another number. */
export function renumbered({ type, seq, json }: WireEvent, to: number): WireEvent {
  const head = `{"type":"${type}","seq":`;
  return { type, seq: to, json: `${head}${to}${json.slice(head.length + String(seq).length)}` };
}

/** Whether it is a run's last event. */
export function isTerminal({ type }: WireEvent): boolean {
  return type === "done" || type === "error";
}
