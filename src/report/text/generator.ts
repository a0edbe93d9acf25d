/** What a page of the report says it was made by, so that it is known again. */
export const GENERATOR = "stratascope paper";
