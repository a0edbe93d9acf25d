/** The sections in their order. */
import { APPENDIX } from "./appendix.ts";
import { ROBUSTNESS } from "./robustness.ts";
import type { Section } from "./section.ts";
import { STAGE_SECTIONS } from "./stages.ts";
import { STAGES_SECTION } from "./table-one.ts";

export const SECTIONS: readonly Section[] = [ROBUSTNESS, ...STAGE_SECTIONS, STAGES_SECTION, APPENDIX];
