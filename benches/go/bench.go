package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// kinds builds each map by the name that the harness calls it.
var kinds = map[string]func() counters{
	"sync.Map": func() counters { return new(syncMap) },
	"RWMutex":  func() counters { return &rwMutex{m: make(map[string]*atomic.Int64)} },
}

// bench is what is kept from one request to the next.
type bench struct {
	keys    keys
	streams []stream
	filled  map[string]*filledMap
}

// filledMap is a map that holds every key.
type filledMap struct {
	counters
	total int64
	// changed tells that a key may no longer have the value that it was filled with.
	changed bool
}

func newBench() *bench {
	rest()
	return &bench{filled: make(map[string]*filledMap)}
}

// Collections that nobody asked for would run beside the other rows of the benchmark, so that there are none between
// samples.
func rest() { debug.SetGCPercent(-1) }

// As Go has it by default: a sample pays for the collections that it causes.
func wake() { debug.SetGCPercent(100) }

func (b *bench) setKeys(asked keysRequest, input io.Reader) (err error) {
	clear(b.filled)
	b.streams = nil
	b.keys, err = readKeys(asked.Count, asked.Len, input)
	runtime.GC()
	return err
}

func (b *bench) setStreams(asked streamsRequest, input io.Reader) error {
	b.streams = nil
	for _, of := range asked.Threads {
		keys, err := readKeys(of.Count, b.keys.len, input)
		if err != nil {
			return err
		}
		if of.Chunk <= 0 || of.Count%of.Chunk != 0 {
			return fmt.Errorf("%d keys are no chunks of %d", of.Count, of.Chunk)
		}
		b.streams = append(b.streams, stream{keys, of.Chunk})
	}
	return nil
}

// sample times what was asked for.
func (b *bench) sample(asked sampleRequest) ([]part, error) {
	build, ok := kinds[asked.Map]
	switch {
	case !ok:
		return nil, fmt.Errorf("there is no map %q", asked.Map)
	case len(b.streams) == 0 || len(asked.First) != len(b.streams):
		return nil, fmt.Errorf("%d first values for %d threads", len(asked.First), len(b.streams))
	}
	wake()
	defer rest()
	switch asked.Op {
	case "get", "set", "add":
		return []part{b.onFilled(build, asked)}, nil
	case "insert", "del":
		var parts []part
		for range asked.Rounds {
			parts = append(parts, b.onFresh(build, asked))
		}
		return parts, nil
	}
	return nil, fmt.Errorf("there is no operation %q", asked.Op)
}

// onFilled times chunks of each stream on a map that holds every key.
func (b *bench) onFilled(build func() counters, asked sampleRequest) part {
	m := b.filled[asked.Map]
	if m == nil {
		m = &filledMap{counters: build(), changed: true}
		b.filled[asked.Map] = m
	}
	if m.changed && asked.Turn == 0 {
		fill(m, b.keys)
		m.total = m.content().Total
		// What filling left behind is not for the samples to collect.
		runtime.GC()
	}
	m.changed = asked.Op != "get"
	timed := b.time(func(thread int) (t tally) {
		stream, first := b.streams[thread], asked.First[thread]
		for turn := asked.Turn; turn < asked.Turn+asked.Rounds; turn++ {
			t.add(m.run(asked.Op, stream.at(turn), first))
			first += int64(stream.chunk)
		}
		return t
	})
	timed.Ops *= asked.Rounds
	now := m.content()
	timed.TotalBefore, m.total = m.total, now.Total
	timed.Maps = []content{now}
	if asked.Op == "set" {
		timed.LookedAt = b.lookAt(m, asked)
	}
	return timed
}

// lookAt reads what is now under the last keys that each thread set.
func (b *bench) lookAt(m counters, asked sampleRequest) [][]int64 {
	all := make([][]int64, len(b.streams))
	for thread, stream := range b.streams {
		last := stream.at(asked.Turn + asked.Rounds - 1)
		for i := max(0, last.count()-asked.Look); i < last.count(); i++ {
			all[thread] = append(all[thread], m.run("get", last.part(i, i+1), 0).sum)
		}
	}
	return all
}

// onFresh times filling or emptying some maps that are built for it.
func (b *bench) onFresh(build func() counters, asked sampleRequest) part {
	maps := make([]counters, asked.Maps)
	for i := range maps {
		maps[i] = build()
		if asked.Op == "del" {
			fill(maps[i], b.keys)
		}
	}
	// As Go's own benchmarks do before each of theirs.
	runtime.GC()
	timed := b.time(func(thread int) (t tally) {
		stream, first := b.streams[thread], asked.First[thread]
		for _, m := range maps {
			t.add(m.run(asked.Op, stream.at(0), first))
		}
		return t
	})
	timed.Ops *= asked.Maps
	for _, m := range maps {
		timed.Maps = append(timed.Maps, m.content())
	}
	return timed
}

// time has each thread wait for the others, releases all at once, and stops the clock at the last finish.
//
// Ops of what it returns are those of a chunk of each stream.
func (b *bench) time(work func(thread int) tally) (p part) {
	var (
		ready    atomic.Int64
		released atomic.Bool
		done     sync.WaitGroup
		tallies  = make([]tally, len(b.streams))
		finished = make([]time.Time, len(b.streams))
	)
	for thread, stream := range b.streams {
		p.Ops += stream.chunk
		done.Add(1)
		go func() {
			defer done.Done()
			ready.Add(1)
			// Whoever is missing may need this processor.
			for !released.Load() {
				runtime.Gosched()
			}
			tallies[thread] = work(thread)
			finished[thread] = time.Now()
		}()
	}
	for ready.Load() < int64(len(b.streams)) {
		runtime.Gosched()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	released.Store(true)
	done.Wait()
	runtime.ReadMemStats(&after)
	p.Bytes = after.TotalAlloc - before.TotalAlloc
	p.Allocs = after.Mallocs - before.Mallocs
	for thread, t := range tallies {
		p.Hits += t.hits
		p.Sum += t.sum
		p.ElapsedNs = max(p.ElapsedNs, finished[thread].Sub(start).Nanoseconds())
	}
	return p
}
