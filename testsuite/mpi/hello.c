// SPDX-License-Identifier: LGPL-3.0-only
/* The first MPI program: each rank says where it is, and all of them agree on a sum. */
#include <mpi.h>

#include <stdio.h>

int main(int argc, char *argv[])
{
    char host[MPI_MAX_PROCESSOR_NAME];
    int rank, size, len, sum;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Get_processor_name(host, &len);
    MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    printf("hello from rank %d of %d on %s, the sum of all ranks is %d\n", rank, size, host, sum);
    MPI_Finalize();
    return sum == size * (size - 1) / 2 ? 0 : 1;
}
