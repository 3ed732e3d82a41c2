// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/alicebob/miniredis/v2/server"
)

// desk hands commands to the server without a connection: serialising and parsing them again is half of
// the time that a rebuild takes.
type desk struct {
	server  *server.Server
	peer    *server.Peer
	answers bytes.Buffer
}

func (l *localServer) desk() *desk {
	d := &desk{server: l.server.Server()}
	d.peer = server.NewPeer(bufio.NewWriter(&d.answers))
	return d
}

// do gives the answer as the server would send it.
func (d *desk) do(cmd ...string) (string, error) {
	d.answers.Reset()
	d.server.Dispatch(d.peer, cmd)
	d.peer.Flush()
	answer := d.answers.String()
	if strings.HasPrefix(answer, "-") {
		return "", fmt.Errorf("indice interno: %s: %s", cmd[0], strings.TrimSpace(answer[1:]))
	}
	return answer, nil
}

func (d *desk) all(commands [][]string) error {
	for _, cmd := range commands {
		if _, err := d.do(cmd...); err != nil {
			return err
		}
	}
	return nil
}

// bulk is for the builder, whose keys nobody else sees: ZADD builds a map of its members before it adds
// them to the set's map, which a rebuild would pay for half a million times.
func (l *localServer) bulk(commands [][]string) error {
	d := l.desk()
	for _, cmd := range commands {
		if cmd[0] != "ZADD" || cmd[2] != "0" {
			if _, err := d.do(cmd...); err != nil {
				return err
			}
			continue
		}
		for i := 3; i < len(cmd); i += 2 {
			if _, err := l.server.ZAdd(cmd[1], 0, cmd[i]); err != nil {
				return fmt.Errorf("indice interno: ZADD: %w", err)
			}
		}
	}
	return nil
}

// strings reads an answer that is an array of texts; a missing one is "".
func (d *desk) strings(cmd ...string) ([]string, error) {
	answer, err := d.do(cmd...)
	if err != nil {
		return nil, err
	}
	v, err := server.ParseReply(bufio.NewReader(strings.NewReader(answer)))
	if err != nil {
		return nil, err
	}
	list, _ := v.([]any) // none: no texts
	out := make([]string, len(list))
	for i := range list {
		out[i], _ = list[i].(string)
	}
	return out, nil
}

// write is apply.lua as a transaction: in miniredis every call out of Lua costs as much as five plain
// commands, and setting up Lua as much as twenty.
func (l *localServer) write(t target, revision string, seq uint64, commands [][]string) (int, error) {
	d := l.desk()
	if _, err := d.do("WATCH", t.guardKey, t.meta()); err != nil {
		return 0, err
	}
	guard, err := d.strings("MGET", t.guardKey)
	if err != nil {
		return 0, err
	}
	meta, err := d.strings("HMGET", t.meta(), "rev", "seq")
	switch {
	case err != nil:
		return 0, err
	case guard[0] != t.guard || meta[0] == "":
		return applyNoIndex, nil
	case meta[0] != revision:
		return applyMoved, nil
	}
	rev, err := strconv.ParseUint(revision, 10, 64)
	if err != nil {
		return 0, errPacked
	}
	if applied, err := strconv.ParseUint(meta[1], 10, 64); err == nil {
		seq = max(seq, applied)
	}
	commands = append(commands, []string{"HSET", t.meta(),
		"rev", strconv.FormatUint(rev+1, 10), "seq", strconv.FormatUint(seq, 10)})
	return d.transaction(commands)
}

func (d *desk) transaction(commands [][]string) (int, error) {
	if _, err := d.do("MULTI"); err != nil {
		return 0, err
	}
	if err := d.all(commands); err != nil {
		return 0, err
	}
	answer, err := d.do("EXEC")
	switch {
	case err != nil:
		return 0, err
	case strings.HasPrefix(answer, "*-1"), strings.HasPrefix(answer, "$-1"):
		return applyMoved, nil
	case strings.Contains(answer, "\n-"): // numbers are ":1", so this is a command's error
		return 0, errors.New("indice interno: " + answer)
	}
	return applyDone, nil
}
