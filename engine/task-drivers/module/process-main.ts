/** First file of the process of a module in a checkout. */
import { runModuleProcess } from './process.ts';

runModuleProcess();
