// One pass of the tuned TypeScript over a capture: what it counted, as JSON.
import { typescriptSessions } from "./typescript/sessions.ts";

const batches = typescriptSessions(process.argv[2]!);
let sessions = 0;
for (let step = batches.next(); ; step = batches.next()) {
  if (step.done) {
    console.log(JSON.stringify({ packets: step.value.packets, sessions, evicted: step.value.evicted }));
    break;
  }
  sessions += step.value.count;
}
