import type { ModelDownload } from "../schemas/models.ts";
import { type DownloadProgress, totals } from "./progress.ts";

/** A download as it stands on the wire. */
export function downloadInfo(progress: DownloadProgress): ModelDownload {
  const { repo, revision, commit, state, files } = progress;
  const { doneBytes, totalBytes } = totals(progress);
  return {
    ...{ repo, revision, commit, state },
    done_bytes: doneBytes,
    total_bytes: totalBytes,
    files: files.map((file) => ({
      path: file.path,
      state: file.state,
      done_bytes: file.doneBytes,
      total_bytes: file.totalBytes,
    })),
  };
}
