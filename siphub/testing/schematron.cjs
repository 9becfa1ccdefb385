// Judges XML by a schematron with an engine that is not ours, node-schematron. One JSON value a line in, one a line out:
//   {"ready": true}                        -> {"ready": true}
//   {"schematron": XML, "document": XML}   -> {"broken": [id of an assertion, for each node for which it fails]}
'use strict';

const { Schema } = require('node-schematron');
const readline = require('node:readline');

const known = new Map();

function schemaOf(text) {
  if (!known.has(text)) known.set(text, Schema.fromString(text));
  return known.get(text);
}

function answer(line) {
  const asked = JSON.parse(line);
  if (asked.ready) return { ready: true };
  const results = schemaOf(asked.schematron).validateString(asked.document);
  return { broken: results.map((result) => result.message.trim()) };
}

const lines = readline.createInterface({ input: process.stdin });
lines.on('line', (line) => {
  let said;
  try {
    said = answer(line);
  } catch (error) {
    said = { failed: String(error.stack ?? error) };
  }
  process.stdout.write(`${JSON.stringify(said)}\n`);
});
