// @ts-ignore TypeScript's module: node16 holds that CommonJS cannot require an ES module; Node 20.19 and newer can.
import flowglyph = require("../dist/src/training/index.js");
export = flowglyph;
