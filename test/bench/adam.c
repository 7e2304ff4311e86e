// cc -O3 -march=native -ffp-contract=off adam.c -o adam && ./adam LENGTH REPEATS
// Adam in float64 arithmetic on float32 vectors, as packages/numerics does it: the median milliseconds of an update.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int ascending(const void *a, const void *b) {
  double difference = *(const double *)a - *(const double *)b;
  return (difference > 0) - (difference < 0);
}

static void adam(size_t length, const float *restrict gradient, const float *restrict p, const float *restrict m,
                 const float *restrict v, float *restrict p_out, float *restrict m_out, float *restrict v_out) {
  for (size_t i = 0; i < length; i++) {
    double slope = gradient[i] / 256.0;
    double mean = m[i] + (slope - m[i]) * 0.1;
    double square = v[i] + (slope * slope - v[i]) * 0.001;
    m_out[i] = mean;
    v_out[i] = square;
    p_out[i] = p[i] - mean * 0.001 / (sqrt(square) + 1e-7);
  }
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  size_t length = strtoul(argv[1], NULL, 10);
  int repeats = atoi(argv[2]);
  float *vectors[7];
  for (int i = 0; i < 7; i++) {
    vectors[i] = malloc(length * sizeof(float));
    for (size_t j = 0; j < length; j++) vectors[i][j] = 0.001f * (float)(j % 97);
  }
  double *times = malloc(repeats * sizeof(double));
  for (int repeat = 0; repeat < repeats; repeat++) {
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    int odd = repeat % 2 * 3;
    adam(length, vectors[0], vectors[1 + odd], vectors[2 + odd], vectors[3 + odd], vectors[4 - odd], vectors[5 - odd],
         vectors[6 - odd]);
    clock_gettime(CLOCK_MONOTONIC, &end);
    times[repeat] = (end.tv_sec - start.tv_sec) * 1e3 + (end.tv_nsec - start.tv_nsec) / 1e6;
  }
  qsort(times, repeats, sizeof(double), ascending);
  printf("%.4f\n", times[repeats / 2]);
  return 0;
}
