/** A connection that listens. When it is lost it comes back, later and later, and tells everybody that something may have been missed. */
import type { Client } from "pg";
import { DatabaseUnavailable } from "./database.ts";
import { Turns } from "./turns.ts";
import { asUnavailable } from "./unavailable.ts";

const RETRY_MS = { first: 250, most: 15_000 } as const;
/** How often a silent connection is asked for a sign of life, and how long it may take. */
const PULSE_MS = 15_000;
const PULSE_WAIT_MS = 5_000;

interface Ear {
  readonly channel: string;
  readonly heard: (payload: string) => void;
  readonly gap: () => void;
}

export class Listener {
  readonly #newClient: () => Client;
  readonly #place: string;
  readonly #ears = new Set<Ear>();
  /** LISTEN and UNLISTEN in the order in which they are asked for. */
  readonly #turns = new Turns();
  #client: Client | null = null;
  #retry: ReturnType<typeof setTimeout> | null = null;
  #pulse: ReturnType<typeof setInterval> | null = null;
  #failures = 0;
  #closed = false;

  constructor(newClient: () => Client, place: string) {
    this.#newClient = newClient;
    this.#place = place;
  }

  /** Connects with the first channel. Throws `DatabaseUnavailable`. */
  listen(channel: string, heard: Ear["heard"], gap: Ear["gap"]): Promise<() => Promise<void>> {
    const ear: Ear = { channel, heard, gap };
    return this.#turns.take(async () => {
      const client = this.#client ?? (await this.#connect());
      await this.#run(client, `LISTEN ${quoted(channel)}`);
      this.#ears.add(ear);
      return () => this.#turns.take(() => this.#leave(ear));
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#ears.clear();
    if (this.#retry) clearTimeout(this.#retry);
    await this.#turns.take(async () => this.#drop());
  }

  async #leave(ear: Ear): Promise<void> {
    this.#ears.delete(ear);
    const { channel } = ear;
    if (this.#client === null || [...this.#ears].some((other) => other.channel === channel)) return;
    await this.#run(this.#client, `UNLISTEN ${quoted(channel)}`).catch(() => {});
  }

  async #connect(): Promise<Client> {
    if (this.#closed) throw new DatabaseUnavailable(`${this.#place} was closed.`);
    const client = this.#newClient();
    const lost = () => this.#lost(client);
    client.on("error", lost);
    client.on("end", lost);
    client.on("notification", ({ channel, payload = "" }) => {
      for (const ear of this.#ears) if (ear.channel === channel) ear.heard(payload);
    });
    try {
      await client.connect();
    } catch (error) {
      void client.end().catch(() => {});
      throw asUnavailable(error, this.#place, true);
    }
    // It keeps no process from ending. (Its types do not know that it can be let go of.)
    (client as Client & { unref(): void }).unref();
    this.#client = client;
    this.#failures = 0;
    this.#pulse = setInterval(() => void this.#check(client), PULSE_MS);
    this.#pulse.unref?.();
    return client;
  }

  /** A connection of which the other end is gone may stay silent for ever. */
  async #check(client: Client): Promise<void> {
    const timer = setTimeout(() => this.#lost(client), PULSE_WAIT_MS);
    timer.unref?.();
    await this.#turns.take(() => this.#run(client, "SELECT 1")).catch(() => this.#lost(client));
    clearTimeout(timer);
  }

  #lost(client: Client): void {
    if (client !== this.#client) return;
    this.#drop();
    this.#comeBack();
  }

  /** Lets the connection go, whatever state it is in. */
  #drop(): void {
    const client = this.#client;
    this.#client = null;
    if (this.#pulse) clearInterval(this.#pulse);
    void client?.end().catch(() => {});
  }

  #comeBack(): void {
    if (this.#closed || this.#retry) return;
    const ms = Math.min(RETRY_MS.most, RETRY_MS.first * 2 ** this.#failures++);
    this.#retry = setTimeout(() => {
      this.#retry = null;
      void this.#turns.take(() => this.#resume()).catch(() => this.#comeBack());
    }, ms);
    this.#retry.unref?.();
  }

  async #resume(): Promise<void> {
    if (this.#closed || this.#client) return;
    const failures = this.#failures;
    const client = await this.#connect();
    try {
      for (const channel of new Set([...this.#ears].map((ear) => ear.channel)))
        await this.#run(client, `LISTEN ${quoted(channel)}`);
    } catch (error) {
      this.#drop();
      this.#failures = failures;
      throw error;
    }
    for (const { gap } of [...this.#ears]) gap();
  }

  async #run(client: Client, sql: string): Promise<void> {
    try {
      await client.query(sql);
    } catch (error) {
      throw asUnavailable(error, this.#place);
    }
  }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
