// Counts the results of the cache tests and compares them with the record.
//
//   node compare.mjs TESTS RESULTS RECORD
//
// TESTS is the suite's folder of tests, RESULTS what its client printed, RECORD lines of `id outcome why`. An outcome is
// `pass`, `fail`, or `setup` when the test's own preparation did not come about. What is not recorded should pass.

import { readFileSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'

const [folder, resultsFile, recordFile] = process.argv.slice(2)

const kinds = new Map()
for (const name of readdirSync(folder).filter(name => name.endsWith('.mjs') && name !== 'index.mjs')) {
  const { default: group } = await import(resolve(join(folder, name)))
  for (const test of group.tests ?? []) {
    if (!test.browser_only) kinds.set(test.id, test.kind ?? 'required')
  }
}

const recorded = new Map()
for (const line of readFileSync(recordFile, 'utf8').split('\n')) {
  if (line === '' || line.startsWith('#')) continue
  const [id, outcome, ...why] = line.split(/\s+/)
  if (!['fail', 'setup'].includes(outcome) || why.length === 0) {
    console.log(`${recordFile}: write "id fail why" or "id setup why", not: ${line}`)
    process.exit(1)
  }
  recorded.set(id, outcome)
}

// A result is `true`, or the kind of the failed assertion and its words.
const results = JSON.parse(readFileSync(resultsFile, 'utf8'))
const outcome = result => result === true ? 'pass' : result[0] === 'Setup' ? 'setup' : 'fail'

let differences = 0
const passed = {}
const total = {}
for (const [id, kind] of kinds) {
  if (!(id in results)) {
    console.log(`${kind} ${id}: was not run`)
    differences += 1
    continue
  }
  const found = outcome(results[id])
  total[kind] = (total[kind] ?? 0) + 1
  passed[kind] = (passed[kind] ?? 0) + (found === 'pass')
  const expected = recorded.get(id) ?? 'pass'
  if (found !== expected) {
    differences += 1
    const words = results[id] === true ? '' : `: ${results[id][1]}`
    console.log(`${kind} ${id}: ${found}, recorded as ${expected}${words}`)
  }
}
for (const kind of ['required', 'optimal', 'check']) {
  console.log(`${kind} ${passed[kind] ?? 0}/${total[kind] ?? 0}`)
}
if (kinds.size === 0) console.log(`there are no tests in ${folder}`)
console.log(differences === 0 ? 'as recorded' : `${differences} differ from the record`)
process.exit(differences === 0 && kinds.size > 0 ? 0 : 1)
