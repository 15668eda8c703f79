// SPDX-License-Identifier: LGPL-3.0-only
/* All ranks agree on a sum, round after round, for ever: a parallel program to be ended. */
#include <mpi.h>

#include <stdio.h>

int main(int argc, char *argv[])
{
    int rank, sum;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    for (unsigned round = 0;; round++) {
        MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
        if (round == 10 && rank == 0) {
            printf("under way\n");
            fflush(stdout);
        }
    }
}
