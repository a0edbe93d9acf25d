/**
 * What a client of `pg` takes for its connection to a server: it hands PostgreSQL's protocol to PGlite byte for byte. PGlite's own
 * interface would write bytea as text, and turn an engine that has aborted into an empty answer.
 */
import { Duplex } from "node:stream";
import type { PGlite } from "@electric-sql/pglite";

/** More than any one message: nothing is held back. */
const UNBOUNDED = 2 ** 31 - 1;

export class Wire extends Duplex {
  readonly #lite: PGlite;
  /** What ended the engine; null: it runs. */
  readonly #broken: () => Error | null;

  constructor(lite: PGlite, broken: () => Error | null) {
    super({ highWaterMark: UNBOUNDED });
    this.#lite = lite;
    this.#broken = broken;
  }

  connect(): this {
    queueMicrotask(() => this.emit("connect"));
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  override _read(): void {}

  /** One message. After one that the engine has not survived there is no other: it would never return from it. */
  override _write(message: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const before = this.#broken();
    if (before) {
      done(before);
      return;
    }
    // The bytes lie in the engine's memory, which it uses again.
    const onRawData = (bytes: Uint8Array) => void this.push(Buffer.from(bytes));
    this.#lite.execProtocolRawStream(message, { syncToFs: false, onRawData }).then(
      // What it said last is to be read before the end.
      () => setImmediate(() => done(this.#broken())),
      done,
    );
  }

  override _final(done: () => void): void {
    this.push(null);
    done();
  }
}
