// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/palinsesto/palinsesto/services/contract"
	"github.com/palinsesto/palinsesto/services/internal/bus"
	"github.com/palinsesto/palinsesto/services/internal/embednats"
	"github.com/palinsesto/palinsesto/services/palinsesto"
)

const postsPerSegnalazione = 10

// seedMain fills the log in a folder with finished posts and then waits to be killed.
func seedMain(args []string) error {
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	s, err := embednats.Start(embednats.Options{Dir: args[0], User: "seed", Password: "seed", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	b, err := bus.Connect(context.Background(), bus.Options{Name: "seed", Server: s, User: "seed", Password: "seed"})
	if err != nil {
		return err
	}
	if err := seed(context.Background(), b, n); err != nil {
		return err
	}
	fmt.Println("filled")
	select {}
}

// seed writes segnalazioni and the whole life of their posts, as the rooms would have.
func seed(ctx context.Context, b *bus.Bus, posts int) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(256)
	start := time.Now().Add(-30 * 24 * time.Hour)
	for i := 0; i < posts; i += postsPerSegnalazione {
		at := start.Add(time.Duration(i) * time.Second)
		g.Go(func() error { return seedOne(ctx, b, i, at) })
	}
	return g.Wait()
}

func seedOne(ctx context.Context, b *bus.Bus, i int, at time.Time) error {
	who := palinsesto.Actor{ID: "token:seed", Name: "Banco di prova", Role: palinsesto.RoleReferente, Centre: "jesi"}
	seg := palinsesto.Segnalazione{
		ID: palinsesto.DeriveID("seed", strconv.Itoa(i)), Centre: "jesi", State: palinsesto.SegSubmitted, Version: 1,
		Author: who, SubmittedAt: at,
		Content: palinsesto.Content{Kind: palinsesto.KindAvviso, Title: fmt.Sprintf("Avviso numero %d", i),
			Body: "Gli sportelli restano aperti con il consueto orario. I servizi online sono sempre attivi e gratuiti.",
			Link: "https://www.example.org/avvisi", Tags: []string{"ServizioAlPubblico"}},
	}
	seg.ContentHash = palinsesto.HashContent(seg.Centre, seg.Content)
	env := contract.Envelope{Actor: who, At: at, CommandID: palinsesto.DeriveID("cmd", seg.ID)}
	cur := contract.Event[palinsesto.Segnalazione]{Subject: contract.SegSubject(seg.Centre, seg.ID)}
	cur, err := bus.Put(ctx, b, contract.Segnalazioni, cur, string(palinsesto.SegWasSubmitted), env, seg)
	if err != nil {
		return err
	}
	approval := palinsesto.Approval{By: palinsesto.Actor{ID: "token:r", Name: "Redazione", Role: palinsesto.RoleRedattore}, At: at}
	for c := range postsPerSegnalazione {
		parts := []palinsesto.Part{{Text: seg.Title + "\n\n" + seg.Body + "\n\n" + seg.Link}}
		approval.Variants = append(approval.Variants, palinsesto.Variant{Channel: channelID(c), Network: "telegram", Parts: parts, Hash: palinsesto.HashParts(parts)})
		seg.Ever = append(seg.Ever, channelID(c))
	}
	approval.Hash = palinsesto.HashVariants(approval.Variants)
	seg.State, seg.Version, seg.Approval, seg.Channels = palinsesto.SegApproved, 2, &approval, seg.Ever
	env.CommandID = palinsesto.DeriveID("approve", seg.ID)
	if _, err := bus.Put(ctx, b, contract.Segnalazioni, cur, string(palinsesto.SegWasApproved), env, seg); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, v := range approval.Variants {
		g.Go(func() error { return seedPost(ctx, b, seg, v, at) })
	}
	return g.Wait()
}

// seedPost writes queued, due, publishing, posted.
func seedPost(ctx context.Context, b *bus.Bus, seg palinsesto.Segnalazione, v palinsesto.Variant, at time.Time) error {
	p := palinsesto.Post{
		ID: palinsesto.PostID(seg.ID, v.Channel, 0), Segnalazione: seg.ID, Centre: seg.Centre, Channel: v.Channel, Network: v.Network,
		Kind: seg.Kind, Title: seg.Title, State: palinsesto.PostQueued, Approved: seg.Version, Hash: v.Hash, Due: at, FirstDue: at,
		Parts: make([]palinsesto.PartState, 1),
	}
	cur := contract.Event[palinsesto.Post]{Subject: contract.PostSubject(v.Channel, p.ID)}
	env := contract.Envelope{Actor: palinsesto.Room("scheduling"), At: at}
	attempt := palinsesto.Attempt{Number: 1, Key: palinsesto.DeriveID("key", p.ID), Hash: p.Hash, Worker: "banco-1-abc", Intended: at, Lasts: time.Minute}
	for _, e := range []palinsesto.PostEvent{palinsesto.PostWasQueued, palinsesto.PostWasDue, palinsesto.PostWasPublishing, palinsesto.PostWasPosted} {
		switch e {
		case palinsesto.PostWasDue:
			p.State = palinsesto.PostDue
		case palinsesto.PostWasPublishing:
			p.State, p.Attempt, p.Attempts = palinsesto.PostPublishing, &attempt, 1
		case palinsesto.PostWasPosted:
			done := attempt
			done.Verdict, done.Status, done.Took = "posted", 200, 40*time.Millisecond
			p.Attempt = &done
			p = p.PartOut(0, palinsesto.PartState{RemoteIDs: []string{"1234"}, Link: "https://t.me/" + v.Channel + "/1234"}, at)
		default:
		}
		var err error
		if cur, err = bus.Put(ctx, b, contract.Posts, cur, string(e), env, p); err != nil {
			return err
		}
	}
	return nil
}
