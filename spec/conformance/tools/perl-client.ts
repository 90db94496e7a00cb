// A client in Perl, for what node:net cannot do with a socket. Perl is a part of every Debian, with the module Socket.

import type { Server } from 'evio';

import { Running } from '../../support/processes.js';
import { portOf } from '../../support/servers.js';

/** Connects as S; `awaits` holds a script back until it is told to go on, `says` tells how far it has come. */
const PRELUDE = `
  use strict;
  use warnings;
  use Socket qw(:DEFAULT IPPROTO_TCP TCP_NODELAY SHUT_RD SHUT_WR SHUT_RDWR);
  $| = 1;
  $SIG{PIPE} = 'IGNORE';
  socket(S, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
  setsockopt(S, IPPROTO_TCP, TCP_NODELAY, pack('l', 1)) or die "TCP_NODELAY: $!";
  connect(S, sockaddr_in($ARGV[0], INADDR_LOOPBACK)) or die "connect: $!";
  sub says { print "$_[0]\\n" }
  sub awaits { says('waits'); my $line = <STDIN>; }
  sub sends { my $sent = send(S, $_[0], $_[1] // 0); die "send: $!" unless defined $sent && $sent == length $_[0] }
  sub receives { my $got = ''; while (length $got < $_[0]) { sysread(S, $got, $_[0] - length $got, length $got) or die "read: $!" } $got }
  sub rest { my $got = ''; while (sysread(S, $got, 65536, length $got)) {} $got }
`;

export class PerlClient extends Running {
  #waits = 0;

  constructor(server: Server, script: string) {
    super('perl', ['-e', `${PRELUDE}${script}`, String(portOf(server))]);
  }

  /** Until the script has come to its next `awaits`. */
  async waits(): Promise<void> {
    this.#waits += 1;
    await this.prints(new RegExp(`(?:^waits$[^]*?){${this.#waits}}`, 'm'));
  }

  /** Lets it go on from there. */
  goOn(): void {
    this.child.stdin?.write('\n');
  }
}
