// What serve is called with: wrong arguments reject at once, with a message that names what is wrong.

import { expect } from 'chai';
import { serve } from 'evio';

/** Calls serve as JavaScript would, whatever the types; a wrong argument never gets as far as a socket. */
async function rejectionOf(...given: unknown[]): Promise<Error & { code?: string }> {
  const call = serve as unknown as (...given: unknown[]) => Promise<void>;
  const [net = 'tcp', addr = '127.0.0.1:0', ...rest] = given;
  const callbacks = Array.from({ length: 5 }, (_, i) => rest[i] ?? null);
  // Were the argument accepted, the ticker would end it.
  callbacks[3] ??= () => false;
  return call(net, addr, ...callbacks, ...rest.slice(5)).then(
    () => expect.fail('accepted'),
    (reason: unknown) => reason as Error,
  );
}

function expectTypeError(error: Error & { code?: string }, code: string, ...parts: string[]): void {
  expect(error).to.be.an.instanceOf(TypeError);
  expect(error).to.include({ code });
  for (const part of parts) expect(error.message).to.include(part);
}

describe('serve: arguments', () => {
  for (const [i, name] of ['handle', 'accept', 'closed', 'ticker'].entries()) {
    for (const value of ['handle', 1, true, {}, [], Symbol('mine')]) {
      it(`${name} that is ${typeof value === 'symbol' ? 'a symbol' : JSON.stringify(value)}`, async () => {
        const callbacks: unknown[] = [null, null, null, null];
        callbacks[i] = value;
        expectTypeError(
          await rejectionOf('tcp', '127.0.0.1:0', ...callbacks),
          'ERR_INVALID_ARG_TYPE',
          name,
          'function',
        );
      });
    }
  }

  for (const net of ['', 'tulip', 'TCP', 'tcp-', 'tcp-compat-compat', '-compat', 'tcp:', 1, null, {}]) {
    it(`net ${JSON.stringify(net)}: the valid ones are listed`, async () => {
      const error = await rejectionOf(net);
      expectTypeError(error, 'ERR_INVALID_ARG_VALUE', 'net', 'tcp', 'tcp4', 'tcp6', 'unix', '-compat');
    });
  }

  for (const addr of [9999, null, {}, ['127.0.0.1:0']]) {
    it(`addr ${JSON.stringify(addr)}`, async () => {
      expectTypeError(await rejectionOf('tcp', addr), 'ERR_INVALID_ARG_TYPE', 'addr', 'string');
    });
  }

  for (const addr of [
    '',
    '9999',
    'tcp://127.0.0.1:0',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:-1',
    '127.0.0.1:65536',
  ]) {
    it(`addr ${JSON.stringify(addr)} on tcp`, async () => {
      const error = await rejectionOf('tcp', addr);
      expect(error).to.be.an.instanceOf(TypeError);
      expect(error.message).to.include(`"tcp://${addr}"`);
    });
  }

  it('addr "" on unix', async () => {
    expectTypeError(await rejectionOf('unix', ''), 'ERR_INVALID_ARG_VALUE', 'path');
  });

  it('an address of the other family', async () => {
    expectTypeError(await rejectionOf('tcp4', '[::1]:0'), 'ERR_INVALID_ARG_VALUE', 'tcp4', 'IPv6');
    expectTypeError(await rejectionOf('tcp6', '127.0.0.1:0'), 'ERR_INVALID_ARG_VALUE', 'tcp6', 'IPv4');
  });

  it('an unknown option: the valid ones are listed', async () => {
    const error = await rejectionOf('tcp', '127.0.0.1:0', null, null, null, null, null, { timout: 1 });
    expectTypeError(error, 'ERR_INVALID_ARG_VALUE', '"timout"', 'signal', 'backlog');
  });

  it('an unknown poller: the valid ones are listed', async () => {
    const error = await rejectionOf('tcp', '127.0.0.1:0', null, null, null, null, null, { poller: 'select' });
    expectTypeError(error, 'ERR_INVALID_ARG_VALUE', '"select"', 'auto', 'epoll', 'kqueue', 'net');
  });

  for (const options of [5, true, 'net', ['net'], () => {}]) {
    it(`options that are ${typeof options === 'function' ? 'a function' : JSON.stringify(options)}`, async () => {
      const error = await rejectionOf('tcp', '127.0.0.1:0', null, null, null, null, null, options);
      expectTypeError(error, 'ERR_INVALID_ARG_TYPE', 'options', 'object');
    });
  }

  it('none at all', async () => {
    const call = serve as unknown as () => Promise<void>;
    const error = await call().then(
      () => expect.fail('accepted'),
      (reason: unknown) => reason as Error,
    );
    expectTypeError(error, 'ERR_INVALID_ARG_VALUE', 'net', 'undefined');
  });

  it('never throws: whatever is wrong is a rejection', () => {
    const call = serve as unknown as (...given: unknown[]) => Promise<void>;
    for (const given of [[], ['tcp'], [Symbol('x')], ['tcp', '127.0.0.1:0', 1]]) {
      expect(call(...given).catch(() => {})).to.be.an.instanceOf(Promise);
    }
  });
});
