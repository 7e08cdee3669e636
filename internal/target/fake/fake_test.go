package fake_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"fairlead/internal/release"
	"fairlead/internal/target/fake"
	"fairlead/internal/target/targettest"
	"fairlead/internal/world"
)

func TestTarget_passes_the_suite(t *testing.T) {
	targettest.Exercise(t, func(*testing.T) targettest.Place {
		w := world.New(1)
		h := fake.NewHost(w, "host-1")
		images := map[string]fake.Image{}
		h.Images = func(ref string) fake.Image { return images[ref] }
		services := []string{"api", "web"}
		made := func(t *testing.T, n int, how fake.Image) []release.Image {
			t.Helper()
			var all []release.Image
			for i, name := range services {
				img, err := release.ParseImage(name, fmt.Sprintf("registry.test/%s@sha256:%064x", name, n))
				if err != nil {
					t.Fatal(err)
				}
				images[img.Ref()] = fake.Image{Checked: true, Boots: time.Second}
				if i == 0 {
					images[img.Ref()] = how
				}
				all = append(all, img)
			}
			return all
		}
		return targettest.Place{App: "shop", Environment: "production",
			Open:    func(*testing.T) targettest.Target { return fake.New(w, services, h) },
			Release: func(t *testing.T, n int) []release.Image { return made(t, n, fake.Image{Checked: true}) },
			Sick:    func(t *testing.T) []release.Image { return made(t, 100, fake.Image{Checked: true, Sick: true}) },
			Absent:  func(t *testing.T) []release.Image { return made(t, 101, fake.Image{Absent: true}) },
			Within: func(_ *testing.T, operator func()) {
				w.Go("operator", func(*world.Proc) { operator() })
				w.Run(24 * time.Hour)
				w.Close()
			},
			Leave: func(_ *testing.T, _ int, roll func(context.Context, func(string))) {
				p := w.Go("other", func(*world.Proc) { roll(context.Background(), func(string) {}) })
				w.Current().Sleep(2 * time.Second)
				p.Kill()
			},
			Prints: func(*testing.T) string {
				var b strings.Builder
				for _, s := range services {
					configured, image := h.Runs(s)
					fmt.Fprintln(&b, s, configured, image)
				}
				return fmt.Sprint(b.String(), h.Known())
			},
		}
	})
}
