/** The files of an embedded database: those that PGlite writes, brought to the disk when PostgreSQL asks for it, which PGlite does not do. */
import fs from "node:fs";
import { NodeFS } from "@electric-sql/pglite/nodefs";

/** A file that is open, as Emscripten's NODEFS has it. */
interface OpenFile {
  readonly path?: string;
  /** Its descriptor in this process. */
  readonly nfd?: number;
}

interface FileOperations {
  write(file: OpenFile, bytes: Uint8Array, offset: number, length: number, position: number): number;
  fsync?(file: OpenFile): number;
}

/** What is used of the module that PGlite runs. */
interface Module {
  readonly NODEFS: { readonly stream_ops: FileOperations };
  readonly FS: { readonly streams: readonly (OpenFile | null | undefined)[]; readonly ErrnoError: new (errno: number) => Error };
}

/** Emscripten's number of EIO. */
const EIO = 29;

/** Of a folder that is on the disk as it is. */
export class DurableFiles extends NodeFS {
  /** Written to the write-ahead log since this was last set to 0. */
  walBytes = 0;
  #module: Module | null = null;
  /** Until then there is nothing to bring to the disk, although PostgreSQL asks for all files to be when it was killed before. */
  #written = false;
  #abandoned = false;

  override async init(...given: Parameters<NodeFS["init"]>): ReturnType<NodeFS["init"]> {
    const amended = await super.init(...given);
    amended.emscriptenOpts.preRun?.push((module) => this.#attach(module as unknown as Module));
    return amended;
  }

  /** Lets the files be as they are: nothing is written any more, and what was opened is closed. */
  abandon(): void {
    if (this.#abandoned) return;
    this.#abandoned = true;
    const open = new Set(this.#module?.FS.streams.map((file) => file?.nfd).filter((nfd) => nfd !== undefined));
    for (const nfd of open) closeQuietly(nfd);
    this.#module = null;
  }

  #attach(module: Module): void {
    this.#module = module;
    const { stream_ops: operations } = module.NODEFS;
    const write = operations.write.bind(operations);
    operations.write = (file, ...rest) => {
      if (this.#abandoned) throw new module.FS.ErrnoError(EIO);
      // The file that says that a server runs is worth nothing after a power cut.
      this.#written ||= !file.path?.endsWith("/postmaster.pid");
      const written = write(file, ...rest);
      if (file.path?.includes("/pg_wal/")) this.walBytes += written;
      return written;
    };
    operations.fsync = ({ nfd }) => {
      if (this.#abandoned) throw new module.FS.ErrnoError(EIO);
      try {
        if (nfd !== undefined && this.#written) fs.fdatasyncSync(nfd);
        return 0;
      } catch {
        throw new module.FS.ErrnoError(EIO);
      }
    };
  }
}

function closeQuietly(descriptor: number): void {
  try {
    fs.closeSync(descriptor);
  } catch {
    // closed already
  }
}
