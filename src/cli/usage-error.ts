/** The command line says something that it may not say; the text is for the person who typed it. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
