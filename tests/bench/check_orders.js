// ajv in node: node check_orders.js SCHEMA FILE, as check_orders.c, with ajv in NODE_PATH.
"use strict";
const fs = require("fs");
const Ajv = require("ajv/dist/2020");
const validate = new Ajv().compile(JSON.parse(fs.readFileSync(process.argv[2], "utf8")));
const lines = fs.readFileSync(process.argv[3], "utf8").trimEnd().split("\n");
const begin = process.hrtime.bigint();
let valid = 0;
for (const line of lines)
	valid += validate(JSON.parse(line));
const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
console.log(`${valid} of ${lines.length} valid, ${Math.round(lines.length / seconds)}/s`);
process.exit(valid === lines.length ? 0 : 1);
