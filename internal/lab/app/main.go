// The sample application that the lab deploys: one static program with the
// roles api, worker and web, and deliberate ways to misbehave. It is test-only.
//
// Its environment: APP_ROLE, APP_VERSION, APP_REVISION, APP_PORT (8080) and
// APP_BEHAVIOUR, a comma-separated list of
//
//	slow-boot=2s     listens only after this time
//	crash-at-boot    exits 1 after a moment
//	never-healthy    /health answers 500
//	bad-smoke        /health is fine, /api/health answers 500
//	slow-stop=8s     needs this time to stop after SIGTERM
//	ignore-sigterm   stops only when killed
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	port := os.Getenv("APP_PORT")
	if port == "" {
		port = "8080"
	}
	if len(os.Args) > 1 && os.Args[1] == "check" {
		os.Exit(check("http://127.0.0.1:" + port + "/health"))
	}
	b, err := parseBehaviour(os.Getenv("APP_BEHAVIOUR"))
	if err == nil {
		err = run(":"+port, b)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "app:", err)
		os.Exit(1)
	}
}

// check is the container's health check.
func check(url string) int {
	client := &http.Client{Timeout: time.Second}
	res, err := client.Get(url)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		fmt.Println(res.Status)
		return 1
	}
	return 0
}

func run(addr string, b behaviour) error {
	role, version := os.Getenv("APP_ROLE"), os.Getenv("APP_VERSION")
	fmt.Printf("%s %s starts (%s)\n", role, version, os.Getenv("APP_BEHAVIOUR"))
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	if b.crash {
		time.Sleep(200 * time.Millisecond)
		return errors.New("crashes at boot, as told")
	}
	select {
	case <-time.After(b.slowBoot):
	case <-stop:
		return nil
	}
	server := &http.Server{Addr: addr, Handler: handler(b), ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	for {
		select {
		case err := <-failed:
			return err
		case <-stop:
			if b.ignoreTerm {
				fmt.Println("ignores SIGTERM, as told")
				continue
			}
			time.Sleep(b.slowStop)
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			return server.Shutdown(ctx)
		}
	}
}

func handler(b behaviour) http.Handler {
	status := func(sick bool) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if sick {
				w.WriteHeader(http.StatusInternalServerError)
			}
			_ = json.NewEncoder(w).Encode(map[string]string{
				"service":  os.Getenv("APP_ROLE"),
				"version":  os.Getenv("APP_VERSION"),
				"revision": os.Getenv("APP_REVISION"),
			})
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/health", status(b.neverHealthy))
	mux.HandleFunc("/api/health", status(b.neverHealthy || b.badSmoke))
	mux.HandleFunc("/version", status(false))
	mux.HandleFunc("/", status(false))
	return mux
}

type behaviour struct {
	slowBoot, slowStop                        time.Duration
	crash, neverHealthy, badSmoke, ignoreTerm bool
}

func parseBehaviour(text string) (behaviour, error) {
	var b behaviour
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		name, value, _ := strings.Cut(word, "=")
		var err error
		switch name {
		case "slow-boot":
			b.slowBoot, err = time.ParseDuration(value)
		case "slow-stop":
			b.slowStop, err = time.ParseDuration(value)
		case "crash-at-boot":
			b.crash = true
		case "never-healthy":
			b.neverHealthy = true
		case "bad-smoke":
			b.badSmoke = true
		case "ignore-sigterm":
			b.ignoreTerm = true
		default:
			err = fmt.Errorf("no such behaviour")
		}
		if err != nil {
			return b, fmt.Errorf("APP_BEHAVIOUR %q: %w", word, err)
		}
	}
	return b, nil
}
