// The chat page: the room on one side, the comparison on the other.

import { Compare } from "./compare.js";
import { Lesson } from "./lesson.js";
import { Me } from "./me.js";
import { Room } from "./room.js";

const me = new Me();
const room = new Room(me);
const compare = new Compare();
new Lesson();

await me.ask();
compare.startFrom(await room.enter());
