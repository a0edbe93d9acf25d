/** All claims of the paper, by stage. */

import type { Claim } from "./claim.ts";
import { ROBUSTNESS_CLAIMS } from "./robustness.ts";
import { SCHEDULE_CLAIMS } from "./schedules.ts";
import { STAGE_FOUR_CLAIMS } from "./stage-four.ts";
import { STAGE_ONE_CLAIMS } from "./stage-one.ts";
import { STAGE_THREE_CLAIMS } from "./stage-three.ts";
import { STAGE_TWO_CLAIMS } from "./stage-two.ts";

export interface ClaimGroup {
  /** Of the report's section. */
  readonly id: string;
  readonly title: string;
  readonly claims: readonly Claim[];
}

export const CLAIM_GROUPS: readonly ClaimGroup[] = [
  { id: "robustness", title: "Robustness", claims: [...ROBUSTNESS_CLAIMS, ...SCHEDULE_CLAIMS] },
  { id: "stage-1", title: "Stage 1, detokenization", claims: STAGE_ONE_CLAIMS },
  { id: "stage-2", title: "Stage 2, feature engineering", claims: STAGE_TWO_CLAIMS },
  { id: "stage-3", title: "Stage 3, prediction ensembling", claims: STAGE_THREE_CLAIMS },
  { id: "stage-4", title: "Stage 4, residual sharpening", claims: STAGE_FOUR_CLAIMS },
];
