// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"errors"
	"net"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// embedded is the index inside this process: no port, no file. It is two servers, so that looking
// through what is short-lived does not mean looking through the documents.
type embedded struct{ main, short *localServer }

type localServer struct {
	server *miniredis.Miniredis
	client *redis.Client
}

func openEmbedded(prefix string) (*embedded, error) {
	main, err := openLocal()
	if err != nil {
		return nil, err
	}
	short, err := openLocal()
	if err != nil {
		return nil, errors.Join(err, main.close())
	}
	short.client.AddHook(&sweeper{server: short, prefix: prefix})
	return &embedded{main: main, short: short}, nil
}

func (e *embedded) close() error { return errors.Join(e.main.close(), e.short.close()) }

func openLocal() (*localServer, error) {
	m := miniredis.NewMiniRedis()
	first, err := m.Dial() // starts it without a listener
	if err != nil {
		return nil, err
	}
	if err := first.Close(); err != nil {
		return nil, err
	}
	o := tuned(&redis.Options{Addr: "embedded", ReadTimeout: -2, WriteTimeout: -2})
	o.Dialer = func(context.Context, string, string) (net.Conn, error) {
		here, there := newPipe()
		m.Server().ServeConn(there)
		return here, nil
	}
	return &localServer{server: m, client: redis.NewClient(o)}, nil
}

func (l *localServer) close() error {
	err := l.client.Close()
	l.server.Close()
	return err
}
