// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// passwords are the variables that the shipped configuration names.
var passwords = regexp.MustCompile(`\$(PALINSESTO_(\w+)_PASSWORD)`)

func password(user string) string { return "torture-" + user }

// natsMaster may see everything: who leads, and whether all replicas are there.
const natsMaster = "torture"

// startNATS runs real servers from the shipped configuration and gives their URL.
func (w *world) startNATS(ctx context.Context, n int) (string, error) {
	shipped, err := os.ReadFile(filepath.Join(w.r.o.root, "deploy", "nats.conf"))
	if err != nil {
		return "", err
	}
	var addrs []string
	for range n {
		addr, err := w.r.freeAddr()
		if err != nil {
			return "", err
		}
		addrs = append(addrs, addr)
	}
	if n > 1 {
		if w.links, err = openLinks(ctx, w.r, n); err != nil {
			return "", err
		}
	}
	for i, addr := range addrs {
		dir := filepath.Join(w.r.dir, fmt.Sprintf("nats-%d", i+1))
		if err := os.MkdirAll(filepath.Join(dir, "store"), 0o700); err != nil {
			return "", err
		}
		if err := w.storeOf(filepath.Join(dir, "store"), i); err != nil {
			return "", err
		}
		conf := filepath.Join(dir, "nats.conf")
		if err := os.WriteFile(conf, []byte(w.natsConf(string(shipped), dir, addr, i, n)), 0o600); err != nil { //nolint:gosec // in the folder of this run
			return "", err
		}
		var env []string
		for _, m := range passwords.FindAllStringSubmatch(string(shipped), -1) {
			env = append(env, m[1]+"="+password(strings.ToLower(m[2])))
		}
		p := w.r.newProc(fmt.Sprintf("nats-%d", i+1), w.r.o.nats, []string{"-c", conf}, env)
		w.nats = append(w.nats, p)
		if err := p.start(); err != nil {
			return "", err
		}
	}
	url := "nats://" + strings.Join(addrs, ",nats://")
	return url, await(ctx, 30*time.Second, "the log answers", func() bool {
		nc, err := nats.Connect(url, nats.UserInfo(natsMaster, password(natsMaster)))
		if err != nil {
			return false
		}
		defer nc.Close()
		js, err := jetstream.New(nc)
		if err != nil {
			return false
		}
		ask, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err = js.AccountInfo(ask)
		return err == nil
	})
}

// natsConf is the shipped file with an address, a folder and a user of ours, and as one of several
// servers their links.
func (w *world) natsConf(shipped, dir, addr string, i, n int) string {
	text := strings.Replace(shipped, "127.0.0.1:4222", addr, 1)
	text = strings.Replace(text, `store_dir: "nats"`, fmt.Sprintf("store_dir: %q", filepath.Join(dir, "store")), 1)
	text = strings.Replace(text, "server_name: palinsesto-log", fmt.Sprintf("server_name: log-%d", i+1), 1)
	text = strings.Replace(text, "users: [", fmt.Sprintf("users: [\n      { user: %s, password: %s }", natsMaster, password(natsMaster)), 1)
	if n > 1 {
		text += w.links.conf(i)
	}
	return text
}

// replicate waits until three servers keep all that the rooms made.
func (w *world) replicate(ctx context.Context, url string) error {
	nc, err := nats.Connect(url, nats.UserInfo(natsMaster, password(natsMaster)))
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	var names []string
	err = await(ctx, 30*time.Second, "the rooms made their streams", func() bool {
		names = names[:0]
		for name := range js.StreamNames(ctx).Name() {
			names = append(names, name)
		}
		return len(names) >= 4
	})
	if err != nil {
		return err
	}
	return await(ctx, time.Minute, "three replicas are current", func() bool {
		for _, name := range names {
			s, err := js.Stream(ctx, name)
			if err != nil || !current(s.CachedInfo().Cluster) {
				return false
			}
		}
		return true
	})
}

func current(c *jetstream.ClusterInfo) bool {
	if c == nil || c.Leader == "" || len(c.Replicas) != 2 {
		return false
	}
	for _, p := range c.Replicas {
		if !p.Current {
			return false
		}
	}
	return true
}

// leader is the server that leads the log, as an index into w.nats; -1 where nobody does.
func (w *world) leader(ctx context.Context) int {
	nc, err := nats.Connect(w.natsURL(), nats.UserInfo(natsMaster, password(natsMaster)), nats.Timeout(time.Second))
	if err != nil {
		return -1
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return -1
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	s, err := js.Stream(ctx, "PALINSESTO")
	if err != nil || s.CachedInfo().Cluster == nil {
		return -1
	}
	for i := range w.nats {
		if s.CachedInfo().Cluster.Leader == fmt.Sprintf("log-%d", i+1) {
			return i
		}
	}
	return -1
}

func (w *world) natsURL() string {
	var urls []string
	for i := range w.nats {
		raw, err := os.ReadFile(filepath.Join(w.r.dir, fmt.Sprintf("nats-%d", i+1), "nats.conf"))
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(raw), "listen: ")
		addr, _, _ := strings.Cut(rest, " ")
		urls = append(urls, "nats://"+strings.TrimSpace(addr))
	}
	return strings.Join(urls, ",")
}

// links are the routes between the servers of a cluster, each through a relay of ours that can be cut:
// a partition without any right over the machine's network.
type links struct {
	own    []string // where each server listens for routes
	relays [][]*relay
}

func openLinks(ctx context.Context, r *run, n int) (*links, error) {
	l := &links{relays: make([][]*relay, n)}
	for range n {
		addr, err := r.freeAddr()
		if err != nil {
			return nil, err
		}
		l.own = append(l.own, addr)
	}
	for i := range n {
		l.relays[i] = make([]*relay, n)
		for j := range n {
			if i == j {
				continue
			}
			addr, err := r.freeAddr()
			if err != nil {
				return nil, err
			}
			if l.relays[i][j], err = openRelay(ctx, addr, l.own[j]); err != nil {
				return nil, err
			}
		}
	}
	return l, nil
}

// conf of server i: it reaches the others through the relays only. What it is told of their true
// addresses leads nowhere, since each advertises a port on which nobody listens.
func (l *links) conf(i int) string {
	var routes []string
	for j, r := range l.relays[i] {
		if j != i {
			routes = append(routes, fmt.Sprintf("%q", "nats-route://"+r.addr))
		}
	}
	_, port, _ := net.SplitHostPort(l.own[i])
	return fmt.Sprintf("\ncluster {\n  name: torture\n  listen: \"%s\"\n  advertise: \"127.0.0.1:1%s\"\n  pool_size: -1\n  routes: [%s]\n}\n",
		l.own[i], port[1:], strings.Join(routes, ", "))
}

// cut separates server i from the others; mend joins it again.
func (l *links) cut(i int)  { l.each(i, (*relay).cut) }
func (l *links) mend(i int) { l.each(i, (*relay).mend) }

func (l *links) each(i int, do func(*relay)) {
	for j := range l.relays {
		if j != i {
			do(l.relays[i][j])
			do(l.relays[j][i])
		}
	}
}
