// Made by `verge build` from a template; `handle` is the export of the `lambda` world.
import { run } from './adapter.js';

export function handle(event) {
  return run(event, () => require('@HANDLER_FILE@'), '@HANDLER_NAME@');
}
