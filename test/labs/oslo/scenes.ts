/** Scenes written by hand: one for each kind of file, line and value. */
import type { Scene } from './scene.ts';
import { DEPLOYMENTS } from './scenes/deployments.ts';
import { BLANKS, COMMENTS, CONTINUED, QUOTES, VALUES } from './scenes/lines.ts';
import { LISTS } from './scenes/lists.ts';
import { DOLLARS, REFERENCES } from './scenes/references.ts';
import { DROP_INS, OPTIONS_TWICE, SECTIONS } from './scenes/sections.ts';

export const SCENES: readonly Scene[] = Object.entries({
  deployments: DEPLOYMENTS,
  quotes: QUOTES,
  comments: COMMENTS,
  blanks: BLANKS,
  continued: CONTINUED,
  values: VALUES,
  dollars: DOLLARS,
  references: REFERENCES,
  sections: SECTIONS,
  'options twice': OPTIONS_TWICE,
  'drop-ins': DROP_INS,
  lists: LISTS,
}).flatMap(([kind, scenes]) => scenes.map((scene) => ({ ...scene, name: `${kind}: ${scene.name}` })));
