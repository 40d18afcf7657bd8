/** From the section `[taskflow_driver_recovery_flows]` to the task lists of every flow. */

import { didYouMean } from '../document/nearest.ts';
import type { DocumentSection } from '../document/parsed-document.ts';
import { errorAt, type Problem, warningAt } from '../document/problem.ts';
import { valueIn } from '../options/read-options.ts';
import { DEFAULT_PIPELINES } from './default-lists.ts';
import {
  crashOptionOfFlow,
  FLOWS,
  type FlowName,
  hasTasks,
  optionOfFlow,
  type Pipeline,
  type Pipelines,
  RETURN_FLOWS,
} from './pipelines.ts';
import { type NamedTask, type Phase, parseLists } from './syntax.ts';

/** The lists of the section, and the built-in ones for flows it does not mention. */
export function readPipelines(section: DocumentSection | undefined): {
  readonly pipelines: Pipelines;
  readonly problems: readonly Problem[];
} {
  const problems: Problem[] = [];
  const pipelines: Record<FlowName, Pipeline> = { ...DEFAULT_PIPELINES };
  const flows = new Map(FLOWS.map((flow) => [optionOfFlow(flow), flow]));
  const policies = new Map(FLOWS.map((flow) => [crashOptionOfFlow(flow).name, flow]));
  for (const option of section?.options.values() ?? []) {
    const flow = flows.get(option.name);
    if (flow === undefined) {
      if (policies.has(option.name)) continue;
      // A misspelt name that begins with the name of a flow belongs to that flow, even if another flow's option is nearer.
      const named = FLOWS.filter((each) => option.name.startsWith(`${each}_`));
      const known = (named.length > 0 ? named : FLOWS).flatMap((each) => [
        optionOfFlow(each),
        crashOptionOfFlow(each).name,
      ]);
      problems.push(errorAt(option.at, `unknown option "${option.name}"${didYouMean(option.name, known)}`));
      continue;
    }
    const parsed = parseLists(option.value);
    problems.push(...parsed.problems);
    pipelines[flow] = pipelineOf(parsed.lists);
    // Without a list a returned host causes no action, so an empty list is no mistake.
    if (!RETURN_FLOWS.includes(flow) && !hasTasks(pipelines[flow]) && parsed.problems.length === 0) {
      problems.push(warningAt(option.at, `"${option.name}" names no task: such a failure ends without any action`));
    }
  }
  for (const flow of policies.values()) {
    const afterCrash = valueIn(section, crashOptionOfFlow(flow), problems);
    if (afterCrash !== undefined) pipelines[flow] = { ...pipelines[flow], afterCrash };
  }
  return { pipelines, problems };
}

function pipelineOf(lists: Readonly<Record<Phase, readonly NamedTask[]>>): Pipeline {
  const names = (phase: Phase) => lists[phase].map((task) => task.name);
  const places = (phase: Phase) => lists[phase].map((task) => task.at);
  return {
    pre: names('pre'),
    main: names('main'),
    post: names('post'),
    places: { pre: places('pre'), main: places('main'), post: places('post') },
    afterCrash: 'resume',
  };
}
