package auth

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
)

// htpasswd finds Apache's program, or installs it where that can be done.
func htpasswd(t *testing.T) string {
	t.Helper()
	if program, err := exec.LookPath("htpasswd"); err == nil {
		return program
	}
	if os.Getenv("CI") == "" || os.Getuid() != 0 {
		t.Skip("htpasswd is not installed (Debian: apache2-utils)")
	}
	for _, args := range [][]string{{"update", "-qq"}, {"install", "-y", "-qq", "--no-install-recommends", "apache2-utils"}} {
		if out, err := exec.Command("apt-get", args...).CombinedOutput(); err != nil {
			t.Skipf("apache2-utils cannot be installed: %v\n%s", err, out)
		}
	}
	program, err := exec.LookPath("htpasswd")
	if err != nil {
		t.Skip("apache2-utils has no htpasswd")
	}
	return program
}

// TestHtpasswd reads a file that htpasswd wrote, with a user for each kind of hash.
func TestHtpasswd(t *testing.T) {
	program, file := htpasswd(t), filepath.Join(t.TempDir(), "htpasswd")
	users := map[string]string{"apr1": "-m", "bcrypt": "-B", "sha1": "-s", "sha256": "-2", "sha512": "-5"}
	create := "-bc"
	for user, flag := range users {
		if out, err := exec.Command(program, create, flag, file, user, "pass:wörd of "+user).CombinedOutput(); err != nil {
			t.Logf("htpasswd %s: %v: %s", flag, err, out) // -2 and -5 are new
			delete(users, user)
			continue
		}
		create = "-b"
	}
	f := filtertest.BuildEnv(t, newEnv(t), "basicAuth", file)
	for user := range users {
		if got, _ := try(t, []filter.Filter{f}, "Authorization", basicField(user, "pass:wörd of "+user)); got != (outcome{200, user, ""}) {
			t.Errorf("%s: got %+v", user, got)
		}
		if got, _ := try(t, []filter.Filter{f}, "Authorization", basicField(user, "pass:wörd of")); got.status != 401 {
			t.Errorf("%s, wrong password: got %+v", user, got)
		}
	}
	if len(users) < 3 {
		t.Errorf("only %v were tried", users)
	}
}

// A file that changes counts within seconds, a broken one not, and a password that
// was right is asked for anew when its hash changes.
func TestHtpasswdChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "htpasswd")
		write := func(password string) {
			sum, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
			if err != nil {
				t.Fatal(err)
			}
			replace(t, file, "me:"+string(sum))
		}
		write("first")
		f := filtertest.BuildEnv(t, newEnv(t), "basicAuth", file)
		want := func(password string, status int) {
			t.Helper()
			if got, _ := try(t, []filter.Filter{f}, "Authorization", basicField("me", password)); got.status != status {
				t.Errorf("%s: got %+v, want %d", password, got, status)
			}
		}
		want("first", 200)
		want("second", 401)
		write("second")
		time.Sleep(10 * time.Second)
		want("first", 401)
		want("second", 200)
		replace(t, file, "me:plain")
		time.Sleep(10 * time.Second)
		want("second", 200)
		replace(t, file, "")
		time.Sleep(10 * time.Second)
		want("second", 401)
	})
}

// replace replaces a file in one step.
func replace(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// Many wrong passwords at a time are refused, and harm nobody who is remembered.
func TestManyPasswords(t *testing.T) {
	file := filepath.Join(t.TempDir(), "htpasswd")
	sum, err := bcrypt.GenerateFromPassword([]byte("right"), bcrypt.MinCost+2)
	if err != nil {
		t.Fatal(err)
	}
	replace(t, file, "me:"+string(sum))
	f := filtertest.BuildEnv(t, newEnv(t), "basicAuth", file)
	if got, _ := try(t, []filter.Filter{f}, "Authorization", basicField("me", "right")); got.status != 200 {
		t.Fatalf("got %+v", got)
	}
	var wg sync.WaitGroup
	for i := range 300 {
		wg.Go(func() {
			user, password := "me", string(rune('a'+i%26))+"wrong"
			if i%2 == 0 {
				user = "nobody"
			}
			if got, _ := try(t, []filter.Filter{f}, "Authorization", basicField(user, password)); got.status != 401 && got.status != 503 {
				t.Errorf("got %+v", got)
			}
			if got, _ := try(t, []filter.Filter{f}, "Authorization", basicField("me", "right")); got.status != 200 {
				t.Errorf("the right one: got %+v", got)
			}
		})
	}
	wg.Wait()
}

// Who is remembered to have the right password for one file is nobody in another,
// even if somebody there has the same hash: those of SHA-1 have no salt.
func TestSameHashOfOthers(t *testing.T) {
	dir, env := t.TempDir(), newEnv(t)
	var files []filter.Filter
	for _, user := range []string{"me", "admin"} {
		file := filepath.Join(dir, user)
		replace(t, file, user+":{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n")
		files = append(files, filtertest.BuildEnv(t, env, "basicAuth", file))
	}
	mine := basicField("me", "password")
	if got, _ := try(t, files[:1], "Authorization", mine); got != (outcome{200, "me", ""}) {
		t.Errorf("in my file: got %+v", got)
	}
	if got, _ := try(t, files[1:], "Authorization", mine); got != (outcome{401, "", "invalid-access"}) {
		t.Errorf("in another file: got %+v", got)
	}
}
