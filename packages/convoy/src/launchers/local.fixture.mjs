// Stands in for convoy's main in local.test.ts: `worker <code>` ends with that code.
process.exit(Number(process.argv[4]));
