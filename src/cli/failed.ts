/** What was asked for was done, and the answer is no: exit code 1, and nothing more to say. */
export class Failed extends Error {
  override readonly name = "Failed";
}
