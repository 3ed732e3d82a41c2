// SPDX-License-Identifier: AGPL-3.0-or-later

package house

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/embednats"
	"github.com/palinsesto/palinsesto/services/internal/index"
)

// open brings everything up in the order in which it is needed: what can only be wrong in the
// configuration first, then the log, the index, the rooms.
func (h *House) open(ctx context.Context) error {
	h.later(paceGC())
	rooms, err := h.plan()
	if err != nil {
		return err
	}
	if err := h.openFolder(rooms); err != nil {
		return err
	}
	if err := h.openDoor(ctx, rooms); err != nil {
		return err
	}
	if err := h.openLog(); err != nil {
		return err
	}
	if h.index, err = index.Open(ctx, index.Options{URL: h.o.RedisURL, Log: h.log.With("room", "index"), Clock: h.o.Clock}); err != nil {
		return err
	}
	h.later(func() { _ = h.index.Close() }) // nothing is kept in it
	if err := h.connect(ctx, rooms); err != nil {
		return err
	}
	if err := h.keepNames(); err != nil {
		return err
	}
	if err := h.knowLog(ctx); err != nil {
		return err
	}
	if err := h.makeRooms(ctx); err != nil {
		return err
	}
	if err := h.keepAdmin(ctx); err != nil {
		return err
	}
	if err := h.openKeeper(); err != nil {
		return err
	}
	h.measure()
	h.measureCopies()
	return nil
}

// plan says which rooms run here, and refuses a choice that cannot work.
func (h *House) plan() ([]room, error) {
	if h.o.Config == nil {
		return nil, errors.New("house: no configuration")
	}
	if err := h.o.mayReplicate(); err != nil {
		return nil, err
	}
	rooms, err := chosen(h.o.Rooms)
	if err != nil {
		return nil, err
	}
	has := func(name string) bool { return slices.ContainsFunc(rooms, func(r room) bool { return r.name == name }) }
	if h.o.RedisURL == "" && !has(indexingRoom) {
		for _, r := range rooms {
			if r.lists {
				return nil, fmt.Errorf("la stanza %s legge l'indice, che qui nessuno riempie: dare un Redis comune con --redis (the room needs a shared Redis)", r.name)
			}
		}
	}
	if has(publishingRoom) {
		if h.channels, err = adapters(h.o.Config, h.o.Clock); err != nil {
			return nil, err
		}
	}
	return rooms, nil
}

// openFolder takes the data folder: with the log in it, for this process alone.
func (h *House) openFolder(rooms []room) (err error) {
	ours := h.o.NATSURL == ""
	if !ours && !slices.ContainsFunc(rooms, func(r room) bool { return r.name == apiRoom }) {
		return nil // nothing is kept here
	}
	if h.folder, err = openFolder(h.o.Data, ours); err != nil {
		return err
	}
	h.later(h.folder.close)
	return nil
}

func (h *House) openDoor(ctx context.Context, rooms []room) (err error) {
	if h.o.Listen == "" {
		return nil
	}
	if h.door, err = openDoor(ctx, h.o.Listen); err != nil {
		return err
	}
	h.later(h.door.close)
	if h.folder != nil && slices.ContainsFunc(rooms, func(r room) bool { return r.name == apiRoom }) {
		h.later(func() { h.folder.remove(fileURL) })
		return h.folder.write(fileURL, h.URL())
	}
	return nil
}

// openLog starts the embedded server, unless there is another.
func (h *House) openLog() error {
	if h.o.NATSURL != "" {
		return nil
	}
	server, user, password, err := startLog(h.folder, h.log)
	if err != nil {
		return err
	}
	h.server, h.o.NATSUser, h.o.NATSPassword = server, user, password
	h.later(server.Stop)
	// With its credentials, so that `nats --server "$(cat data/nats.url)"` works; the file is 0600.
	h.later(func() { h.folder.remove(fileNATS) })
	return h.folder.write(fileNATS, withUser(server.URL(), user, password))
}

// keepNames: the streams are made by now, and nothing was promised yet.
func (h *House) keepNames() error {
	if h.server == nil {
		return nil
	}
	if err := h.server.KeepNames(); err != nil {
		return fmt.Errorf("il registro non si può assicurare sul disco (the names of the log's files cannot be flushed): %w", err)
	}
	return nil
}

// connect gives every room a connection of its own. The first one makes what is missing on the log.
func (h *House) connect(ctx context.Context, rooms []room) error {
	for _, r := range rooms {
		h.units = append(h.units, &unit{room: r, log: h.log.With("room", r.name)})
	}
	if err := h.connectOne(ctx, h.units[0]); err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	for _, u := range h.units[1:] {
		g.Go(func() error { return h.connectOne(gctx, u) })
	}
	err := g.Wait()
	for _, u := range h.units {
		if u.bus != nil {
			h.later(u.bus.Close)
		}
	}
	return err
}

func (h *House) connectOne(ctx context.Context, u *unit) (err error) {
	o := bus.Options{
		Name: u.room.name, URL: h.o.NATSURL, User: h.o.NATSUser, Password: h.o.NATSPassword,
		Replicas: h.o.Replicas, Log: u.log, Clock: h.o.Clock, Tracer: h.tracing.Tracer(),
	}
	if h.server != nil { // a nil *Server in the interface would not be nil
		o.Server, o.Space, o.Floor = h.server, h.folder.space, uint64(max(0, h.o.Config.Log.FreeSpaceFloor))
	}
	if u.bus, err = bus.Connect(ctx, o); err != nil {
		return fmt.Errorf("%s: %w", u.room.name, err)
	}
	return nil
}

func (h *House) makeRooms(ctx context.Context) error {
	for _, u := range h.units {
		if err := h.makeRoom(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

func (h *House) makeRoom(ctx context.Context, u *unit) error {
	m, err := u.room.make(ctx, h, kit{cfg: h.o.Config, bus: u.bus, index: h.index, clock: h.o.Clock, log: u.log})
	if err != nil {
		return fmt.Errorf("la stanza %s non si avvia (the room cannot be made): %w", u.room.name, err)
	}
	u.set(m)
	return nil
}

// startLog runs the embedded server on the folder, with credentials made at its first start.
func startLog(f *folder, log logger) (server *embednats.Server, user, password string, err error) {
	user = "palinsesto"
	password, err = f.secret(fileCredentials, func() (string, error) { return rand.Text() + rand.Text(), nil })
	if err != nil {
		return nil, "", "", err
	}
	server, err = embednats.Start(embednats.Options{Dir: filepath.Join(f.dir, "nats"), User: user, Password: password, Log: log})
	return server, user, password, err
}

func workerName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "?"
	}
	return fmt.Sprintf("%s-%d-%s", host, os.Getpid(), rand.Text()[:10])
}
