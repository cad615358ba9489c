// What the tests of debug/ look into: built with -g -O0 -no-pie, so that addresses are those of the file.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

volatile int fixed = 42;
volatile int mirror;
volatile int seen;
volatile long turns;
volatile int sides;
volatile int healthy;
volatile int hurt;
unsigned char pattern[16384];

int turn(int n) {
    seen = n * 2;
    return seen + 1;
}

void turning(void) {
    for (int n = 1;; n++) {
        turn(n);
        mirror = fixed;
        turns++;
        usleep(1000);
    }
}

void spin(void) {
    for (;;)
        turns++;
}

void work(int depth) {
    if (depth > 0)
        work(depth - 1);
    else
        pause();
    turns++;
}

void *side(void *unused) {
    for (;;) {
        sides++;
        usleep(100);
    }
    return unused;
}

// Children that pass the place of a breakpoint: in copied memory, and in shared memory until their program.
void forking(void) {
    for (int n = 1;; n++) {
        pid_t pid = n % 2 ? fork() : vfork();
        if (pid == 0) {
            turn(n);
            if (n % 2 == 0)
                execl("/bin/true", "true", (char *)0);
            _exit(0);
        }
        int status = 1;
        waitpid(pid, &status, 0);
        if (status == 0)
            healthy++;
        else
            hurt++;
        turn(n);
        turns++;
    }
}

int main(int argc, char **argv) {
    const char *mode = argc > 1 ? argv[1] : "";
    const char *member = getenv("UEM_MEMBER");
    pthread_t thread;
    for (unsigned at = 0; at < sizeof pattern; at++)
        pattern[at] = at / 251 + at;
    if (strcmp(mode, "hang") == 0 && member && strcmp(member, "62") == 0)
        spin();
    if (strcmp(mode, "hang") == 0)
        work(3);
    if (strcmp(mode, "fork") == 0)
        forking();
    if (strcmp(mode, "threads") == 0)
        for (int n = 0; n < 3; n++)
            pthread_create(&thread, 0, side, 0);
    turning();
}
