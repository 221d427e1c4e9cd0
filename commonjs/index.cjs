// require("flowglyph") gives the ES module itself: Node 20.19 and newer can, and there is one copy of everything.
"use strict";
module.exports = require("../dist/src/index.js");
