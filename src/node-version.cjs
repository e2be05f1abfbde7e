/**
 * Loaded before a program, by `node --require`: says which Node is needed instead of the stack trace that an older one
 * ends with, which cannot read the program at all. Every Node can read this file, so nothing new may stand in it.
 */
var needed = require("../package.json").engines.node.match(/\d+/g).map(Number);
var running = process.versions.node.split(".").map(Number);

if (running[0] < needed[0] || (running[0] === needed[0] && running[1] < needed[1])) {
  process.stderr.write(
    "waybill: this is Node " +
      process.versions.node +
      ", and Node " +
      needed.join(".") +
      " or newer is needed: install it, or run `npm ci` without --omit=dev, which brings it for the npm scripts\n",
  );
  process.exit(2);
}
