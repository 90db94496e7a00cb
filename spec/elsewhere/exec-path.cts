// Loaded before everything else by a wrapper that starts Node under an emulator: what specs start as `process.execPath`,
// in this thread and in workers, is the wrapper again. The emulated binary itself is nothing that this kernel can start.

process.execPath = process.env['EVIO_SPEC_NODE'] ?? process.execPath;
