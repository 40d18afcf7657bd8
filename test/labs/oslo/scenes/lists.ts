/** The task lists: a dict of lists, as oslo.config reads it and as Masakari's own documents write it. */
import { engine, type Scene } from '../scene.ts';

const BRACES = 'Masakari refuses braces, though its help describes them';
const NAMELESS = 'Masakari has a task without a name there, and fails';

const tasks = (name: string, value: string, more: Partial<Scene> = {}): Scene =>
  engine(name, `[taskflow_driver_recovery_flows]\ninstance_failure_recovery_tasks${value}\n`, more);

export const LISTS: readonly Scene[] = [
  tasks(
    'as generated',
    " = main:['start_instance_task'],post:['confirm_instance_active_task'],pre:['stop_instance_task']",
  ),
  tasks(
    'with blanks',
    " = pre: ['stop_instance_task'], main: ['start_instance_task'], post: ['confirm_instance_active_task']",
  ),
  tasks('a colon', ": pre:['stop_instance_task'],main:['start_instance_task'],post:[]"),
  tasks(
    'over lines',
    " = pre:['stop_instance_task'],\n  main:['start_instance_task'],\n  post:['confirm_instance_active_task']",
  ),
  tasks('two tasks', " = pre:['a_task','b_task'],main:['start_instance_task'],post:[]"),
  tasks('two tasks with a blank', " = pre:['a_task', 'b_task'],main:['start_instance_task'],post:[]"),
  tasks('double quotes', ' = pre:["a_task"],main:["start_instance_task"],post:[]'),
  tasks('without quotes', ' = pre:[a_task],main:[start_instance_task],post:[]'),
  tasks('braces', " = {pre:['a_task'],main:['start_instance_task'],post:[]}", { alone: BRACES }),
  tasks('braces and quotes', " = {'pre': ['a_task'], 'main': ['start_instance_task'], 'post': []}", { alone: BRACES }),
  tasks('a phase is missing', " = pre:['a_task'],main:['start_instance_task']"),
  tasks('an unknown phase', " = before:['a_task'],main:['start_instance_task']", { refused: /unknown phase "before"/ }),
  tasks('a phase twice', " = pre:['a_task'],pre:['b_task'],main:['start_instance_task']"),
  tasks('an empty task', " = pre:[''],main:['start_instance_task'],post:[]", { refused: /a name consists of/ }),
  tasks('nothing', ' =', { refused: /no list of tasks/ }),
  tasks('no brackets', ' = pre:a_task,main:start_instance_task'),
  tasks('an open bracket', " = pre:['a_task',main:['start_instance_task']", { refused: /no \] closes this/ }),
  tasks('a comment behind', " = pre:['a_task'],main:['start_instance_task'],post:[] # x", {
    alone: 'a comment is none of the list',
  }),
  tasks('a dollar', " = pre:['$$a_task'],main:['start_instance_task'],post:[]", { refused: /a name consists of/ }),
  tasks('an empty list with a blank', " = pre:[ ],main:['start_instance_task'],post:[]", { differs: NAMELESS }),
  tasks('a comma at the end', " = pre:['a_task',],main:['start_instance_task'],post:[]", { differs: NAMELESS }),
  engine(
    'every list',
    `[taskflow_driver_recovery_flows]
host_auto_failure_recovery_tasks = pre:['disable_compute_service_task'],main:['prepare_HA_enabled_instances_task'],post:['evacuate_instances_task']
host_rh_failure_recovery_tasks = pre:['disable_compute_service_task'],main:['prepare_HA_enabled_instances_task','evacuate_instances_task'],post:[]
process_failure_recovery_tasks = pre:['disable_compute_node_task'],main:['confirm_compute_node_disabled_task'],post:[]
`,
  ),
];
